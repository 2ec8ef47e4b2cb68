"""Who starts a run's processes: this machine, hosts through ssh, Slurm, or TorchX, each behind one small interface.

A backend sees its processes through to their end; it never decides what that end means for the run.
"""
