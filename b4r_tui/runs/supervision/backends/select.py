"""Chooses the backend of a launch by its scheduler."""

from __future__ import annotations

from b4r_tui.runs.supervision.backends.interface import Backend
from engine.contract.config.launch import LaunchConfig


def backend_of(launch: LaunchConfig) -> Backend:
    """Return the backend of `launch.scheduler`; imports only that one, because the others need more."""
    if launch.scheduler == "slurm":
        from b4r_tui.runs.supervision.backends.slurm import Slurm

        return Slurm()
    if launch.scheduler.startswith("torchx:"):
        from b4r_tui.runs.supervision.backends.torchx import TorchX

        return TorchX()
    if launch.nodes > 1:
        from b4r_tui.runs.supervision.backends.hosts import Hosts

        return Hosts()
    from b4r_tui.runs.supervision.backends.local import Local

    return Local()
