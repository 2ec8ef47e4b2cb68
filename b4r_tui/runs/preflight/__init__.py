"""Pre-flight: what would make a run fail later, found before anything is queued.

Errors stop a launch; warnings are told as events of the run, which goes on.
"""
