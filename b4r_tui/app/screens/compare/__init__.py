"""The comparison of runs: which to take, and what differs between them."""
