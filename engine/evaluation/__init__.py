"""Ranks held-out items and measures models and baselines.

Everything but `measure` and `sharded_scores` is a pure function of scores and ranks; nothing here trains.
"""
