"""Experiments files: loads, checks, expands and edits `experiments.toml`.

It never starts anything and never looks at runs.
"""
