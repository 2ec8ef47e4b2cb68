"""Attempts of one run: a run that is resumed reports into the same folder as the attempts before it."""

from __future__ import annotations

import os
from pathlib import Path

from engine.contract import run_folder
from engine.contract.events import RunFinished, read_events


def this_attempt() -> str:
    """What all ranks of an attempt share and no other attempt has: torchrun's job, or else this process."""
    job = os.environ.get("TORCHELASTIC_RUN_ID")
    if job is None:
        return f"process {os.getpid()}"
    return f"{job} {os.environ.get('MASTER_PORT', '')} {os.environ.get('TORCHELASTIC_RESTART_COUNT', '')}".strip()


def has_finished(run_dir: Path) -> bool:
    """Whether the run has reached its end, so that there is nothing to go on with."""
    return any(isinstance(record.event, RunFinished) for record in read_events(run_dir / run_folder.EVENTS))
