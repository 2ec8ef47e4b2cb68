"""Backends start a run's processes on this machine, on hosts by ssh, on Slurm or on TorchX, behind one interface.

A backend waits for its processes to end; it never decides what that end means for the run.
"""
