"""Reads interaction logs and turns them into filtered, split, cached sequences, masks and negatives.

It knows nothing of models, devices or process groups.
"""
