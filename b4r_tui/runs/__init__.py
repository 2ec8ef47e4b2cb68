"""Runs as folders: lists, launches, supervises and stops them, and reads their files.

A run's state is derived from its files; nothing here draws on a screen.
"""
