"""Exports runs to TensorBoard and MLflow, from the run's folder, in a separate process during the run or afterwards.

A tracker never harms a run: it fails in its own process, and a warning in the run's events reports it.
"""
