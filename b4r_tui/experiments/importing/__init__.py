"""Imports experiments from command lines of the original system; its scripts are parsed, never run.

It writes experiments files and knows nothing of runs.
"""
