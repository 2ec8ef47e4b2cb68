"""The pre-flight: finds what would make a run fail later, before anything is queued.

Problems stop the launch; warnings become events of the run, which starts anyway.
"""
