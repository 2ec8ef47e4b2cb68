"""The queue of a runs root: the runner, its decisions, and the order of queued runs."""
