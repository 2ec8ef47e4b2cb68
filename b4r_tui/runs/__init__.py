"""Runs as folders: lists, launches, supervises and stops them, and reads what they say.

A run's state is derived from its files; nothing here draws on a screen.
"""
