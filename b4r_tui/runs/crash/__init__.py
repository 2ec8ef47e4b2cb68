"""Crash cards: explain why a run died and what to do next, from exit codes, logs, events and kernel counters.

A card is made once, when the run ends, and stored in exit.json; nothing here starts or stops a process.
"""
