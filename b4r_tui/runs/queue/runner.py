"""The one process behind the queue of a runs root: gives waiting runs their slots and starts their supervisors.

`python -m b4r_tui.runs.queue.runner ROOT`, started by whoever queues a run, holds `.queue/runner.lock` and leaves when
nothing is to be done. It knows nothing that the run folders do not tell, so it can be killed at any moment: supervisors
go on, and the next runner finds them by their locks. It imports nothing heavy.
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
from b4r_tui.runs.queue.start_supervisor import STARTS, give_up, start
from b4r_tui.runs.queue_place import queue_folder
from b4r_tui.runs.queue_settings import Settings, read_settings, waked_at
from b4r_tui.runs.records import StatusRecord
from b4r_tui.runs.state import RunState
from b4r_tui.runs.store import Run, RunStore
from b4r_tui.runs.supervision.orphans import sweep_orphans
from engine.contract import run_folder
from engine.contract.errors import B4RError

POLL_SECONDS = 0.05
IDLE_SECONDS = 2.0
READ_SECONDS = 2.0  # at most between two looks at all runs; longer where a look takes long
READ_SHARE = 0.02  # of the time that looks may take


@dataclass
class Supervised:
    """A run that has its slots; process: its supervisor where it is a child of ours."""

    active: Active
    process: subprocess.Popen[bytes] | None = None

    def has_ended(self) -> bool:
        """Whether nobody supervises it any more."""
        if self.process is not None:
            return self.process.poll() is not None
        return not is_held(self.active.run.dir / run_folder.LOCK)


class Runner:
    """Works on the queue of a root. `tick` is one look."""

    def __init__(self, root: Path, probe: gpus.Probe = gpus.probe) -> None:
        self.root = root
        self._reader = RosterReader(RunStore(root))
        self._probe = probe
        self._supervised: dict[Path, Supervised] = {}
        self._waiting: list[Waiting] = []
        self._waked_at = -1
        self._read_again = 0.0
        self._settings = Settings()
        self._jobless: set[tuple[Path, str | None]] = set()

    @property
    def is_idle(self) -> bool:
        """Whether there is nothing to do."""
        return not Roster(tuple(self._waiting), self._active()).has_work(self._settings)

    def tick(self) -> None:
        """Settle the runs that have ended, look for news, start what can start."""
        ended = [path for path, each in self._supervised.items() if each.has_ended()]
        for path in ended:
            self._settle(self._supervised.pop(path))
        children = [each.process.pid for each in self._supervised.values() if each.process]
        processes.reap_adopted(known=children)
        if ended or self._is_due():
            self._read()
            self._start_what_fits()

    def _is_due(self) -> bool:
        return waked_at(self.root) != self._waked_at or time.monotonic() >= self._read_again

    def _read(self) -> None:
        """Look at all runs; those that have a supervisor we did not start are adopted."""
        began = time.monotonic()
        self._waked_at = waked_at(self.root)  # before the look: what comes during it is looked at again
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
        """Take up runs whose jobs outlived their supervisors; Slurm is asked once for each that is over."""
        for run in lost:
            status = run.status()
            key = (run.dir, status.job if status else None)
            if key in self._jobless:
                continue
            try:
                if adopt(run):
                    self._waked_at = -1  # it waits now: look again
                elif run.state is RunState.LOST:
                    self._jobless.add(key)
            except B4RError as error:  # Slurm does not answer now; we ask again at the next look
                sys.stderr.write(f"{time.strftime('%F %T')} {run.name}: {error.sentence}\n")

    def _start_what_fits(self) -> None:
        for waiting in [each for each in self._waiting if each.doomed]:
            give_up(waiting.run, waiting.doomed or "", code=1)
            self._waiting.remove(waiting)
            self._read_again = 0.0  # others may come after this one
        machine = Machine(self._settings.cpus or cpu_cores(), self._probe() if self._waiting else ())
        for decision in decide(self._waiting, self._active(), self._settings, machine):
            if decision.slots is not None:
                self._start(decision.waiting, decision.slots)

    def _active(self) -> tuple[Active, ...]:
        return tuple(each.active for each in self._supervised.values())

    def _start(self, waiting: Waiting, slots: Slots) -> None:
        run, elsewhere = waiting.run, waiting.needs.elsewhere
        process = start(run, slots, elsewhere)
        self._waiting.remove(waiting)
        if process is not None:
            self._supervised[run.dir] = Supervised(Active(run, slots, elsewhere), process)

    def _settle(self, each: Supervised) -> None:
        """The run's supervisor is gone. If it did not say how the run ended, end what it left behind."""
        run = each.active.run
        if run.exit() is not None:
            return
        status = run.status()
        if status and status.job:  # its processes are Slurm's
            return
        processes.kill_all(lambda: [*processes.carriers(run.run_id), *self._strays()])
        if each.process is None or not _never_began(status) or is_held(run.dir / run_folder.LOCK):
            return
        by_itself = each.process.returncode >= 0  # not by a signal: the next one would end as this one did
        if by_itself or status.starts >= STARTS:
            give_up(run, f"its supervisor did not start; {run.log_path()} says why", code=3)

    def _strays(self) -> list[psutil.Process]:
        """What came to us when supervisors died, and what is below it: our children are supervisors or that."""
        supervisors = {each.process.pid for each in self._supervised.values() if each.process}
        mine = processes.descendants(os.getpid(), deep=False)
        strays = [each for each in mine if each.pid not in supervisors and processes.lives(each)]
        return [*strays, *(below for stray in strays for below in processes.descendants(stray.pid))]


def _never_began(status: StatusRecord | None) -> TypeGuard[StatusRecord]:
    """Whether the run was given a supervisor and still waits; one with no starts was taken up anew in the meantime."""
    return status is not None and status.started_at is None and status.starts > 0


def serve(root: Path, idle_seconds: float, told_to_leave: StopFlag) -> None:
    """Be the root's runner until there is nothing to do, or until told; at once where there is one already.

    Whoever queues a run first writes its folder and then sees whether a runner holds the lock; we give up the lock
    first and then look for runs: one of the two sees the other.
    """
    while (lock := hold_unless_held(queue_folder(root) / "runner.lock")) is not None:
        try:
            _prepare(root)
            _work(Runner(root), idle_seconds, told_to_leave)
        finally:
            os.close(lock)
        if told_to_leave.asked or not RosterReader(RunStore(root)).read().has_work(read_settings(root)):
            return


class StopFlag:
    """Whether SIGTERM came: the runner then leaves, and the runs go on."""

    def __init__(self) -> None:
        self.asked = False
        signal.signal(signal.SIGTERM, self._note)
        signal.signal(signal.SIGINT, self._note)

    def _note(self, number: int, frame: object) -> None:
        self.asked = True


def _prepare(root: Path) -> None:
    """Clear up what was left half done: processes of lost runs, folders of deleted ones."""
    sweep_orphans(root)
    for gone in queue_folder(root).glob(f"{TRASH}*"):
        shutil.rmtree(gone, ignore_errors=True)


def _work(runner: Runner, idle_seconds: float, told_to_leave: StopFlag) -> None:
    busy_at = time.monotonic()
    while not told_to_leave.asked:
        try:
            runner.tick()
        except OSError as error:  # a full disk, a folder that went: others go on, and it may pass
            sys.stderr.write(f"{time.strftime('%F %T')} {error!r}\n")
            time.sleep(1.0)
        if not runner.is_idle:
            busy_at = time.monotonic()
        elif time.monotonic() - busy_at >= idle_seconds:
            return
        time.sleep(POLL_SECONDS)


def main() -> None:
    """Serve the root named on the command line."""
    parser = argparse.ArgumentParser(
        prog="b4r_tui.runs.queue.runner", description="Runs the queue of a runs root."
    )
    parser.add_argument("root", type=Path)
    root = parser.parse_args().root.absolute()
    os.umask(0o077)
    processes.become_subreaper()
    serve(root, float(os.environ.get("B4R_QUEUE_IDLE", IDLE_SECONDS)), StopFlag())


if __name__ == "__main__":
    main()
