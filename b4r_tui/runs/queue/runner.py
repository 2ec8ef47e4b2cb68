"""The runner, one process per runs root: gives queued runs their slots and starts their supervisors.

`python -m b4r_tui.runs.queue.runner ROOT`, started by any process that queues a run, holds `.queue/runner.lock` and
exits when there is no work. All its knowledge is in the run folders, so it can be killed at any moment: supervisors
keep running, and the next runner finds them by their locks. It imports nothing heavy.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TypeGuard

import psutil

from b4r_tui.common.machine import cpu_cores
from b4r_tui.runs import processes
from b4r_tui.runs.delete import TRASH
from b4r_tui.runs.locks import hold_unless_held, is_held
from b4r_tui.runs.queue import gpus
from b4r_tui.runs.queue.adopt import adopt
from b4r_tui.runs.queue.decide import Active, Waiting, decide
from b4r_tui.runs.queue.roster import Roster, RosterReader
from b4r_tui.runs.queue.slots import Machine, Slots
from b4r_tui.runs.queue.start_supervisor import STARTS, give_up, start_supervisor
from b4r_tui.runs.queue_place import queue_folder
from b4r_tui.runs.queue_settings import Settings, read_settings, woken_at
from b4r_tui.runs.records import StatusRecord
from b4r_tui.runs.state import RunState
from b4r_tui.runs.store import Run, RunStore
from b4r_tui.runs.supervision.orphans import sweep_orphans
from engine.contract import run_folder
from engine.contract.errors import B4RError

POLL_SECONDS = 0.05
IDLE_SECONDS = 2.0
READ_SECONDS = 2.0  # at most between two reads of all runs; longer where a read takes long
READ_SHARE = 0.02  # of the time that reads may take


@dataclass
class Supervised:
    """A run that has its slots. process: its supervisor, if this runner started it."""

    active: Active
    process: subprocess.Popen[bytes] | None = None

    def has_ended(self) -> bool:
        """Return whether its supervisor has ended."""
        if self.process is not None:
            return self.process.poll() is not None
        return not is_held(self.active.run.dir / run_folder.LOCK)


class Runner:
    """Works on the queue of a root; `tick` is one step."""

    def __init__(self, root: Path, probe: gpus.Probe = gpus.probe) -> None:
        self.root = root
        self._reader = RosterReader(RunStore(root))
        self._probe = probe
        self._supervised: dict[Path, Supervised] = {}
        self._waiting: list[Waiting] = []
        self._woken_at = -1
        self._read_again = 0.0
        self._settings = Settings()
        self._jobless: set[tuple[Path, str | None]] = set()

    @property
    def is_idle(self) -> bool:
        """Return whether there is nothing to do."""
        return not Roster(tuple(self._waiting), self._active()).has_work(self._settings)

    def tick(self) -> None:
        """Settle the runs that have ended, read the queue, start what can start."""
        ended = [path for path, each in self._supervised.items() if each.has_ended()]
        for path in ended:
            self._settle(self._supervised.pop(path))
        children = [each.process.pid for each in self._supervised.values() if each.process]
        processes.reap_adopted(known=children)
        if ended or self._is_due():
            self._read()
            self._start_what_fits()

    def _is_due(self) -> bool:
        return woken_at(self.root) != self._woken_at or time.monotonic() >= self._read_again

    def _read(self) -> None:
        """Read all runs; those whose supervisor another runner started are followed too."""
        began = time.monotonic()
        self._woken_at = woken_at(self.root)  # before the read: what changes during it is read again
        self._settings = read_settings(self.root)
        roster = self._reader.read()
        self._waiting = list(roster.waiting)
        self._adopt(roster.adoptable)
        for active in roster.active:
            known = self._supervised.setdefault(active.run.dir, Supervised(active))
            known.active = active if known.process is None else known.active
        now = time.monotonic()
        self._read_again = now + max(READ_SECONDS, (now - began) / READ_SHARE)

    def _adopt(self, lost: tuple[Run, ...]) -> None:
        """Adopt runs whose jobs outlived their supervisors; Slurm is asked once about each job that is over."""
        for run in lost:
            status = run.status()
            key = (run.dir, status.job if status else None)
            if key in self._jobless:
                continue
            try:
                if adopt(run):
                    self._woken_at = -1  # it is queued now: read again
                elif run.state is RunState.LOST:
                    self._jobless.add(key)
            except B4RError as error:  # Slurm does not answer now; the next read asks again
                sys.stderr.write(f"{time.strftime('%F %T')} {run.name}: {error.sentence}\n")

    def _start_what_fits(self) -> None:
        for waiting in [each for each in self._waiting if each.unsatisfiable]:
            give_up(waiting.run, waiting.unsatisfiable or "", code=1)
            self._waiting.remove(waiting)
            self._read_again = 0.0  # others may depend on this one
        machine = Machine(self._settings.cpus or cpu_cores(), self._probe() if self._waiting else ())
        for decision in decide(self._waiting, self._active(), self._settings, machine):
            if decision.slots is not None:
                self._start(decision.waiting, decision.slots)

    def _active(self) -> tuple[Active, ...]:
        return tuple(each.active for each in self._supervised.values())

    def _start(self, waiting: Waiting, slots: Slots) -> None:
        run, is_remote = waiting.run, waiting.needs.is_remote
        process = start_supervisor(run, slots, is_remote)
        self._waiting.remove(waiting)
        if process is not None:
            self._supervised[run.dir] = Supervised(Active(run, slots, is_remote), process)

    def _settle(self, each: Supervised) -> None:
        """Clean up after a supervisor that has ended; if it recorded no end, kill the processes it left behind."""
        run = each.active.run
        if run.exit() is not None:
            return
        status = run.status()
        if status and status.job:  # its processes are Slurm's
            return
        processes.kill_all(lambda: [*processes.carriers(run.run_id), *self._strays()])
        if each.process is None or not _never_began(status) or is_held(run.dir / run_folder.LOCK):
            return
        by_itself = each.process.returncode >= 0  # not by a signal: the next one would fail in the same way
        if by_itself or status.starts >= STARTS:
            give_up(run, f"its supervisor did not start; see {run.log_path()}", code=3)

    def _strays(self) -> list[psutil.Process]:
        """Return orphans that this process inherited from dead supervisors, with their descendants."""
        supervisors = {each.process.pid for each in self._supervised.values() if each.process}
        mine = processes.descendants(os.getpid(), deep=False)
        strays = [each for each in mine if each.pid not in supervisors and processes.lives(each)]
        return [*strays, *(below for stray in strays for below in processes.descendants(stray.pid))]


def _never_began(status: StatusRecord | None) -> TypeGuard[StatusRecord]:
    """Return whether the run got a supervisor and is still queued; one with no starts was queued again meanwhile."""
    return status is not None and status.started_at is None and status.starts > 0


def serve(root: Path, idle_seconds: float, exit_request: ExitRequest) -> None:
    """Be the root's runner until there is no work or `exit_request`; return at once if another runner holds the lock.

    A process that queues a run first writes its folder and then checks whether a runner holds the lock; the runner
    first releases the lock and then reads the runs: one of the two sees the other.
    """
    while (lock := hold_unless_held(queue_folder(root) / "runner.lock")) is not None:
        try:
            _prepare(root)
            _work(Runner(root), idle_seconds, exit_request)
        finally:
            os.close(lock)
        if exit_request.asked or not RosterReader(RunStore(root)).read().has_work(read_settings(root)):
            return


class ExitRequest:
    """Whether SIGTERM or SIGINT arrived: the runner then exits, and the runs keep running."""

    def __init__(self) -> None:
        self.asked = False
        signal.signal(signal.SIGTERM, self._note)
        signal.signal(signal.SIGINT, self._note)

    def _note(self, number: int, frame: object) -> None:
        self.asked = True


def _prepare(root: Path) -> None:
    """Clean up leftovers: processes of lost runs, folders of deleted ones."""
    sweep_orphans(root)
    for gone in queue_folder(root).glob(f"{TRASH}*"):
        shutil.rmtree(gone, ignore_errors=True)


def _work(runner: Runner, idle_seconds: float, exit_request: ExitRequest) -> None:
    busy_at = time.monotonic()
    while not exit_request.asked:
        try:
            runner.tick()
        except OSError as error:  # a full disk, a deleted folder: it may pass, and other runs must not suffer
            sys.stderr.write(f"{time.strftime('%F %T')} {error!r}\n")
            time.sleep(1.0)
        if not runner.is_idle:
            busy_at = time.monotonic()
        elif time.monotonic() - busy_at >= idle_seconds:
            return
        time.sleep(POLL_SECONDS)


def main() -> None:
    """Serve the runs root named on the command line."""
    parser = argparse.ArgumentParser(
        prog="b4r_tui.runs.queue.runner", description="Runs the queue of a runs root."
    )
    parser.add_argument("root", type=Path)
    root = parser.parse_args().root.absolute()
    os.umask(0o077)
    processes.become_subreaper()
    serve(root, float(os.environ.get("B4R_QUEUE_IDLE", IDLE_SECONDS)), ExitRequest())


if __name__ == "__main__":
    main()
