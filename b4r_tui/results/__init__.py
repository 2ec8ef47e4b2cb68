"""From finished runs to tables: leaderboards and comparisons.

It reads run folders and never changes them.
"""
