"""The runs root: lists runs, finds one by id, experiment or path, and creates the folder of a new one."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from b4r_tui.runs.ids import RUN_ID_PATTERN, run_id_at, ticks_now
from b4r_tui.runs.launch_environment import shell_now
from b4r_tui.runs.ownership import check_folder, check_root
from b4r_tui.runs.queue_place import Place, write_place
from b4r_tui.runs.records import ExitRecord, StatusRecord, read_exit, read_status, write_status
from b4r_tui.runs.state import RunState, read_state
from engine.contract import run_folder
from engine.contract.atomic_files import write_text
from engine.contract.errors import B4RError, ExitCode

if TYPE_CHECKING:  # the runner uses this module and stays small without pydantic
    from engine.contract.config.experiment import Experiment


@dataclass(frozen=True)
class Run:
    """A run, identified by its folder `<root>/<experiment>/<run_id>`."""

    dir: Path
    experiment: str
    run_id: str

    @property
    def state(self) -> RunState:
        """Return its state now (reads files)."""
        return read_state(self.dir)

    @property
    def name(self) -> str:
        """Return `<experiment>/<run_id>`, which is also its path below the root."""
        return f"{self.experiment}/{self.run_id}"

    @property
    def events_path(self) -> Path:
        """Return the path of its events."""
        return self.dir / run_folder.EVENTS

    def config(self) -> Experiment:
        """Return its frozen experiment. Raises B4RError."""
        from engine.contract.config.experiment import read_run_config

        return read_run_config(self.dir)

    def status(self) -> StatusRecord | None:
        """Return its status: when it was queued and started, and by which process."""
        return read_status(self.dir)

    def exit(self) -> ExitRecord | None:
        """Return how it ended, None if it has not."""
        return read_exit(self.dir)

    def log_path(self, rank: int | None = None) -> Path:
        """Return the path of a rank's log, or of the launcher's for None; it may not exist yet."""
        return (
            self.dir
            / run_folder.LOGS
            / (run_folder.LAUNCHER_LOG if rank is None else run_folder.rank_log(rank))
        )

    def log_paths(self) -> list[Path]:
        """Return the existing logs: the launcher's first, then the ranks' in order."""
        ranks = [(_rank_of(path), path) for path in (self.dir / run_folder.LOGS).glob(run_folder.RANK_LOGS)]
        launcher = [path for path in [self.log_path()] if path.exists()]
        return launcher + [path for rank, path in sorted(ranks) if rank >= 0]


@dataclass(frozen=True)
class RunStore:
    """All runs under one root folder, which need not exist yet."""

    root: Path

    def runs(self) -> list[Run]:
        """Return all runs, oldest first."""
        return sorted(self._scan(), key=lambda run: run.run_id)

    def runs_of(self, experiment: str) -> list[Run]:
        """Return the runs of an experiment, oldest first."""
        return sorted(self._of(experiment), key=lambda run: run.run_id)

    def latest(self, experiment: str) -> Run | None:
        """Return the newest run of an experiment, None if it has none."""
        return max(self._of(experiment), key=lambda run: run.run_id, default=None)

    def find(self, text: str) -> Run:
        """Return the run of an id, a unique prefix of one, an experiment's name (its latest) or a path.

        Raises B4RError that names the candidates.
        """
        path = Path(text).expanduser()
        if (path / run_folder.CONFIG).is_file():
            return run_at(path)
        runs = self.runs()
        exact = [run for run in runs if text in (run.run_id, run.experiment)]
        matches = exact[-1:] or [run for run in runs if run.run_id.startswith(text)]
        if len(matches) == 1:
            return matches[0]
        raise B4RError(_not_one(text, matches or runs, self.root, several=bool(matches)))

    def create(self, experiment: Experiment, place: Place | None = None) -> Run:
        """Create the folder of a new run of `experiment`, private and in state queued. Raises B4RError.

        place: in the queue. The run becomes visible once its last file, status.json, is written.
        """
        try:
            run = self._claim(experiment.name)
            (run.dir / run_folder.LOGS).mkdir(mode=0o700)
            write_text(run.dir / run_folder.CONFIG, config_text(experiment))
            if place is not None:
                write_place(run.dir, place)
            write_status(run.dir, queued_now(run))
        except OSError as error:
            raise B4RError(
                f"{error.filename or self.root}: {error.strerror or error}; cannot create a run there; "
                "choose another folder with --runs",
                ExitCode.ENVIRONMENT,
            ) from error
        return run

    def _claim(self, experiment: str) -> Run:
        """Create an empty run folder with the first free id from now on."""
        root = self.root.absolute()
        check_root(root)
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder = root / experiment
        check_folder(folder)
        folder.mkdir(mode=0o700, exist_ok=True)
        ticks = ticks_now()
        while True:
            run_id = run_id_at(ticks)
            try:
                (folder / run_id).mkdir(mode=0o700)
            except FileExistsError:
                ticks += 1
                continue
            return Run(folder / run_id, experiment, run_id)

    def _scan(self) -> Iterator[Run]:
        for folder in _folders(self.root):
            yield from self._of(folder)

    def _of(self, experiment: str) -> Iterator[Run]:
        parent = self.root / experiment
        for name in _folders(parent):
            # os.path is faster, and there may be ten thousand
            if RUN_ID_PATTERN.fullmatch(name) and os.path.exists(f"{parent}/{name}/status.json"):  # noqa: PTH110
                yield Run(parent / name, experiment, name)


def run_at(path: Path) -> Run:
    """Return the run whose folder is `path`."""
    folder = path.absolute().resolve()
    return Run(folder, folder.parent.name, folder.name)


def queued_now(run: Run) -> StatusRecord:
    """Return the status of a run that is queued now, from this shell."""
    now = round(time.time(), 6)
    return StatusRecord(run_id=run.run_id, experiment=run.experiment, queued_at=now, **shell_now())


def config_text(experiment: Experiment) -> str:
    """Return the frozen experiment as TOML; unset settings are omitted."""
    import tomlkit

    return tomlkit.dumps(experiment.model_dump(exclude_none=True))


def _folders(path: Path) -> list[str]:
    """Return the names of the folders in `path` that are neither hidden nor links; [] if it is missing."""
    try:
        with os.scandir(path) as entries:
            return [entry.name for entry in entries if _is_shown(entry)]
    except OSError:
        return []


def _is_shown(entry: os.DirEntry[str]) -> bool:
    return not entry.name.startswith(".") and entry.is_dir(follow_symlinks=False)


def _rank_of(path: Path) -> int:
    match = re.fullmatch(r"rank_(\d+)\.log", path.name)
    return int(match[1]) if match else -1


def _not_one(text: str, runs: list[Run], root: Path, several: bool) -> str:
    if several:
        shown = ", ".join(f"{run.experiment}/{run.run_id}" for run in runs[:3])
        return f"'{text}' matches {len(runs)} runs ({shown}, …); give more of its id"
    if not runs:
        return f"no run '{text}': {root} has no runs yet; start one with --run, or choose another folder with --runs"
    from engine.contract.config.validation import nearest

    names = sorted({run.experiment for run in runs} | {run.run_id for run in runs[-3:]})
    return f"no run '{text}' in {root}; {nearest(text, names)}"
