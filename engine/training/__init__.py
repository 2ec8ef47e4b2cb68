"""The training loop and what surrounds it: batches, schedule, checkpoints, early stopping.

It reports through events and never prints.
"""
