"""Checkpoint files: written atomically, read without executing code."""
