"""Runs sweeps to completion: chooses points, starts their runs, prunes bad ones, and resumes where it stopped.

It launches and watches runs like any other face, and keeps nothing of its own but what a search by optuna remembers.
"""
