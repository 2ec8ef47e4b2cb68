"""Experiments from command lines of the original system: its scripts are read, never run.

It writes experiments files and knows nothing of runs.
"""
