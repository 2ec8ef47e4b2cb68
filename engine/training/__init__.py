"""The training loop and its parts: batches, learning rate, preemption, resuming.

It reports through events and never prints.
"""
