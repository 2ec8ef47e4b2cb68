"""Crash cards: why a run died and what to do next, from exit codes, logs, events and the kernel's counters.

A card is made once, when the run ends, and kept in exit.json; nothing here starts or stops anything.
"""
