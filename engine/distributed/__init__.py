"""The process group, and how a model and its optimisers are distributed over ranks (DDP, DMP).

It knows nothing of data sets, epochs or events.
"""
