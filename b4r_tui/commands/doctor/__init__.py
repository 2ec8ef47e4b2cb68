"""`b4r-tui doctor`: whether this machine can run experiments, and what to mend where it cannot."""
