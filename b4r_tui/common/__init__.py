"""Shared by every layer above: formatting of numbers and times, and facts about the machine."""
