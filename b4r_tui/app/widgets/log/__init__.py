"""The log of a run on screen: its lines, search line and status line."""
