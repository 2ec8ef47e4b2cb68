"""Faults: processes that are killed, disks that are filled, files that are corrupted. Finds targets by command line."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from b4r_tui.runs.launch import stop
from b4r_tui.runs.store import Run
from engine.contract.errors import B4RError
from tests.chaos.world import App


@dataclass
class Scene:
    """What a fault may act on. fillers: files that fill the small disk; torn: incomplete lines we wrote, by run."""

    root: Path
    runs: list[Run]
    app: App | None
    rng: random.Random
    small: Path | None = None
    fillers: list[Path] = field(default_factory=list)
    torn: dict[Path, int] = field(default_factory=dict)


Fault = Callable[[Scene], bool]  # returns whether there was anything to act on


def kill_app(scene: Scene) -> bool:
    """Send SIGKILL to the app or `--run`."""
    return _signal_app(scene, signal.SIGKILL)


def interrupt_app(scene: Scene) -> bool:
    """Press Ctrl-C in `--run`, which stops the runs."""
    return scene.app is not None and not scene.app.in_terminal and _signal_app(scene, signal.SIGINT)


def _signal_app(scene: Scene, number: int) -> bool:
    if scene.app is None or scene.app.process.poll() is not None:
        return False
    scene.app.kill(number)
    return True


def kill_runner(scene: Scene) -> bool:
    """Send SIGKILL to the root's runner."""
    return _kill(each for each in _running("b4r_tui.runs.queue.runner") if str(scene.root) in _command(each))


def kill_supervisor(scene: Scene) -> bool:
    """Send SIGKILL to a run's supervisor."""
    return _kill_one(scene, _of_runs(scene, "b4r_tui.runs.supervision.supervisor"))


def kill_torchrun(scene: Scene) -> bool:
    """Send SIGKILL to a run's torchrun."""
    return _kill_one(scene, _of_runs(scene, "torch.distributed.run"))


def kill_rank(scene: Scene) -> bool:
    """Send SIGKILL to one rank."""
    return _kill_one(scene, ranks(scene))


def kill_machine(scene: Scene) -> bool:
    """Send SIGKILL to everything at once, as in a power failure."""
    kill_app(scene)
    names = ("b4r_tui.runs.supervision.supervisor", "torch.distributed.run")
    targets = [each for each in _running("b4r_tui.runs.queue.runner") if str(scene.root) in _command(each)]
    targets += [each for name in names for each in _of_runs(scene, name)] + ranks(scene)
    return _kill(targets)


def stop_run(scene: Scene) -> bool:
    """Do what `b4r-tui stop` does."""
    active = [run for run in scene.runs if not run.state.ended]
    if not active:
        return False
    with suppress(B4RError):
        stop(scene.rng.choice(active))
    return True


def fill_disk(scene: Scene) -> bool:
    """Leave no byte free on the small disk."""
    if scene.small is None:
        return False
    filler = scene.small / "filler"
    scene.fillers.append(filler)
    with suppress(OSError), filler.open("wb", buffering=0) as file:
        for size in (1 << 16, 1 << 12, 1):
            with suppress(OSError):
                while True:
                    file.write(b"x" * size)
    return True


def tear_events(scene: Scene) -> bool:
    """Append an incomplete line to a run's events, as a killed writer would."""
    writing = [run for run in scene.runs if run.events_path.exists() and not run.state.ended]
    if not writing:
        return False
    run = scene.rng.choice(writing)
    with run.events_path.open("ab", buffering=0) as file:
        file.write(b'{"v":1,"t":1.0,"type":"epoch","epoch":')
    scene.torn[run.dir] = scene.torn.get(run.dir, 0) + 1
    return True


def cut_events(scene: Scene, run: Run) -> bool:
    """Truncate the events of an ended run in the middle of the last line."""
    if not run.events_path.exists():
        return False
    data = run.events_path.read_bytes()
    start = data.rstrip(b"\n").rfind(b"\n") + 1
    if len(data) - start < 3:
        return False
    os.truncate(run.events_path, scene.rng.randrange(start + 1, len(data) - 1))
    scene.torn[run.dir] = scene.torn.get(run.dir, 0) + 1
    return True


FAULTS: dict[str, tuple[Fault, tuple[str, ...]]] = {
    "app": (kill_app, ("launching", "queued", "running", "saved")),
    "ctrl-c": (interrupt_app, ("queued", "running", "saved")),
    "runner": (kill_runner, ("queued", "starting", "running")),
    "supervisor": (kill_supervisor, ("starting", "running", "saved")),
    "torchrun": (kill_torchrun, ("running", "saved")),
    "rank": (kill_rank, ("running", "saved")),
    "disk full": (fill_disk, ("queued", "running", "saved")),
    "torn events": (tear_events, ("saved",)),
    "machine": (kill_machine, ("queued", "starting", "running", "saved")),
    "stop": (stop_run, ("queued", "starting", "running", "saved")),
}
HARMLESS = {"app", "runner", "torn events"}  # must not affect any run
ENDS_AS = {  # other than finished
    "ctrl-c": {"stopped"},
    "stop": {"stopped"},
    "supervisor": {"lost"},
    "machine": {"lost"},
    "torchrun": {"failed"},
    "rank": {"failed"},
    "disk full": {"failed"},
}
TARGET_SECONDS = 3.0  # to wait for a process that is still starting


def inject(name: str, scene: Scene) -> bool:
    """Inject a fault as soon as it has a target; return whether it had one before the runs ended."""
    fault, deadline = FAULTS[name][0], time.monotonic() + TARGET_SECONDS
    while not fault(scene):
        if time.monotonic() > deadline or (scene.runs and all(run.state.ended for run in scene.runs)):
            return False
        time.sleep(0.02)
    return True


def ranks(scene: Scene) -> list[psutil.Process]:
    """Return the ranks of the scene's runs."""
    folders = {str(run.dir) for run in scene.runs}
    processes = []
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            env = process.environ()
            if env.get("B4R_RUN_DIR") in folders and "RANK" in env:
                processes.append(process)
    return processes


def _of_runs(scene: Scene, module: str) -> list[psutil.Process]:
    folders = {str(run.dir) for run in scene.runs}
    return [each for each in _running(module) if folders & set(_command(each))]


def _running(module: str) -> list[psutil.Process]:
    return [process for process in psutil.process_iter() if module in _command(process)]


def _command(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def _kill_one(scene: Scene, processes: list[psutil.Process]) -> bool:
    return bool(processes) and _kill([scene.rng.choice(sorted(processes, key=lambda each: each.pid))])


def _kill(processes: Iterable[psutil.Process]) -> bool:
    killed = False
    for process in processes:
        with suppress(psutil.Error):
            process.kill()
            killed = True
    return killed
