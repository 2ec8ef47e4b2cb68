"""TensorBoard and MLflow, fed from what a run's folder says, by a process beside the run or afterwards.

A tracker never harms a run: it fails in its own process, and the run's events tell of it.
"""
