"""The comparison of runs: choosing them, and how their settings, metrics and curves differ."""
