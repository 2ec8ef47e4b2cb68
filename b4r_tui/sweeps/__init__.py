"""Drives sweeps to their end: chooses points, starts their runs, stops bad ones, and goes on where it stopped.

It launches and watches runs like any other face, and keeps nothing of its own but what a search by optuna remembers.
"""
