"""The attempts of a run: its start and each resume, read from its folder and from attempts/N in it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from b4r_tui.runs.records import ExitRecord, read_exit, read_status
from engine.contract import run_folder


@dataclass(frozen=True)
class Attempt:
    """One start of a run; times in unix seconds. ended is None while it runs, or where nothing recorded its end."""

    number: int
    started_at: float | None
    ended: ExitRecord | None
    ranks: int | None


def attempts_of(run_dir: Path) -> list[Attempt]:
    """Return all attempts of the run, the latest last."""
    folders = [each for each in (run_dir / run_folder.ATTEMPTS).glob("*") if each.name.isdecimal()]
    earlier = [
        _attempt(folder, int(folder.name)) for folder in sorted(folders, key=lambda each: int(each.name))
    ]
    return [*earlier, _attempt(run_dir, len(earlier) + 1)]


def _attempt(folder: Path, number: int) -> Attempt:
    status = read_status(folder)
    return Attempt(number, status.started_at if status else None, read_exit(folder), _ranks(folder))


def _ranks(folder: Path) -> int | None:
    from engine.contract.config.experiment import read_run_config  # pydantic, only where attempts are shown
    from engine.contract.errors import B4RError

    try:
        return read_run_config(folder).launch.ranks
    except B4RError:
        return None
