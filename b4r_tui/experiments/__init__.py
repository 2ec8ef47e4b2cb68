"""Experiments as people write them: loads, checks and expands `experiments.toml`.

It never starts anything and never looks at runs.
"""
