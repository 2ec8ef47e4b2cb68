"""The runs root: lists runs, finds one by what people type, and makes the folder of a new one."""

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
    """A run, known by its folder `<root>/<experiment>/<run_id>`."""

    dir: Path
    experiment: str
    run_id: str

    @property
    def state(self) -> RunState:
        """Its state now (reads files)."""
        return read_state(self.dir)

    @property
    def name(self) -> str:
        """`<experiment>/<run_id>`, which is its path below the root too."""
        return f"{self.experiment}/{self.run_id}"

    @property
    def events_path(self) -> Path:
        """Where the engine reports."""
        return self.dir / run_folder.EVENTS

    def config(self) -> Experiment:
        """Its frozen experiment. Raises B4RError."""
        from engine.contract.config.experiment import read_run_config

        return read_run_config(self.dir)

    def status(self) -> StatusRecord | None:
        """Since when it waits and runs, and under whom."""
        return read_status(self.dir)

    def exit(self) -> ExitRecord | None:
        """How it ended, None while it has not."""
        return read_exit(self.dir)

    def log_path(self, rank: int | None = None) -> Path:
        """The log of a rank, or of the launcher for None; it may not exist yet."""
        return (
            self.dir
            / run_folder.LOGS
            / (run_folder.LAUNCHER_LOG if rank is None else run_folder.rank_log(rank))
        )

    def log_paths(self) -> list[Path]:
        """The logs there are: the launcher's first, then the ranks' in order."""
        ranks = [(_rank_of(path), path) for path in (self.dir / run_folder.LOGS).glob(run_folder.RANK_LOGS)]
        launcher = [path for path in [self.log_path()] if path.exists()]
        return launcher + [path for rank, path in sorted(ranks) if rank >= 0]


@dataclass(frozen=True)
class RunStore:
    """All runs under one root folder, which need not exist yet."""

    root: Path

    def runs(self) -> list[Run]:
        """All runs, oldest first."""
        return sorted(self._scan(), key=lambda run: run.run_id)

    def runs_of(self, experiment: str) -> list[Run]:
        """The runs of an experiment, oldest first."""
        return sorted(self._of(experiment), key=lambda run: run.run_id)

    def latest(self, experiment: str) -> Run | None:
        """The newest run of an experiment."""
        return max(self._of(experiment), key=lambda run: run.run_id, default=None)

    def find(self, text: str) -> Run:
        """The run meant by an id, a unique start of one, an experiment's name (its latest) or a path.

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
        """Make the folder of a new run of `experiment`, private and in state queued. Raises B4RError.

        place: where in the queue. The run is there for others once its last file, status.json, is written.
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
                f"{error.filename or self.root}: {error.strerror or error}; no run can be written there, "
                "choose another folder with --runs",
                ExitCode.ENVIRONMENT,
            ) from error
        return run

    def _claim(self, experiment: str) -> Run:
        """Make an empty run folder under the first free id from now on."""
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
            # os.path, as there may be ten thousand
            if RUN_ID_PATTERN.fullmatch(name) and os.path.exists(f"{parent}/{name}/status.json"):  # noqa: PTH110
                yield Run(parent / name, experiment, name)


def run_at(path: Path) -> Run:
    """The run whose folder is `path`."""
    whole = path.absolute().resolve()
    return Run(whole, whole.parent.name, whole.name)


def queued_now(run: Run) -> StatusRecord:
    """The status of a run that is queued at this moment, from this shell."""
    now = round(time.time(), 6)
    return StatusRecord(run_id=run.run_id, experiment=run.experiment, queued_at=now, **shell_now())


def config_text(experiment: Experiment) -> str:
    """The frozen experiment as TOML; settings that are not set are left out."""
    import tomlkit

    return tomlkit.dumps(experiment.model_dump(exclude_none=True))


def _folders(path: Path) -> list[str]:
    """Names of the folders in `path` that are neither hidden nor links to elsewhere; none where it is missing."""
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
        return f"'{text}' could be any of {len(runs)} runs ({shown}, …); write more of its id"
    if not runs:
        return f"no run '{text}': there are none in {root} yet; start some with --run, or name another --runs"
    from engine.contract.config.validation import nearest

    names = sorted({run.experiment for run in runs} | {run.run_id for run in runs[-3:]})
    return f"no run '{text}' in {root}; {nearest(text, names)}"
