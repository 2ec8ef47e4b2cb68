"""The log of a run: its lines, search line and status line."""
