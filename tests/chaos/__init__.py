"""Starts small runs, injects random faults, and checks the consequences."""
