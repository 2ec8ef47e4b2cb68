"""Ranks held-out items, turns ranks into metrics with intervals, and measures the baselines.

Everything is a pure function of scores and ranks; nothing here trains or talks to other ranks.
"""
