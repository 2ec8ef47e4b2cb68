"""Attempts of one run: a resumed run reports to the same folder as the attempts before it."""

from __future__ import annotations

import os
from pathlib import Path

from engine.contract import run_folder
from engine.contract.events import RunFinished, read_events


def this_attempt() -> str:
    """Return an id that all ranks of this attempt share and no other attempt has: torchrun's job, or the process."""
    job = os.environ.get("TORCHELASTIC_RUN_ID")
    if job is None:
        return f"process {os.getpid()}"
    return f"{job} {os.environ.get('MASTER_PORT', '')} {os.environ.get('TORCHELASTIC_RESTART_COUNT', '')}".strip()


def has_finished(run_dir: Path) -> bool:
    """Return whether the run has reached its end, so that there is nothing to resume."""
    return any(isinstance(record.event, RunFinished) for record in read_events(run_dir / run_folder.EVENTS))
