"""The queue of a runs root: the runner, what it decides, and the order of what waits."""
