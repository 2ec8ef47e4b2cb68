"""The local backend: one torchrun on this machine."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable

from b4r_tui.runs import processes
from b4r_tui.runs.records import STOPPED, TIME_LIMIT, note
from b4r_tui.runs.store import Run
from b4r_tui.runs.supervision import torchrun
from b4r_tui.runs.supervision.backends.interface import POLL_SECONDS, Ended, grace_seconds, now
from engine.contract.config.experiment import Experiment
from engine.contract.errors import B4RError, ExitCode


class Local:
    """Starts torchrun and waits for it to end."""

    def run(self, run: Run, experiment: Experiment, stop_asked: Callable[[], bool]) -> Ended:
        """Run on this machine; no process with the run's id survives."""
        launch = experiment.launch
        return watch(
            run,
            torchrun.command(run, launch),
            torchrun.environment(run, launch),
            launch.time_limit,
            stop_asked,
        )


def watch(
    run: Run,
    command: list[str],
    env: dict[str, str],
    limit: float | None,
    stop_asked: Callable[[], bool],
) -> Ended:
    """Run `command` to its end, or stop it. limit: minutes. Raises B4RError if it can't be started."""
    note(run.dir, started_at=now(), argv=tuple(command))
    try:
        process = processes.start_process(command, env, run.dir, run.log_path())
    except OSError as error:
        raise B4RError(f"cannot start torchrun: {error.strerror or error}", ExitCode.ENVIRONMENT) from error
    cut_short = wait(lambda: _has_ended(process), limit, stop_asked)
    if cut_short:
        processes.end(process, run.run_id, grace_seconds())
    processes.sweep(run.run_id)
    return Ended(process.returncode, cut_short)


def wait(over: Callable[[], bool], limit: float | None, stop_asked: Callable[[], bool]) -> str | None:
    """Call `over`, which takes a moment, until it is true; return the reason of an earlier stop. limit: minutes."""
    deadline = time.monotonic() + limit * 60 if limit else float("inf")
    while not over():
        if stop_asked():
            return STOPPED
        if time.monotonic() > deadline:
            return TIME_LIMIT
    return None


def _has_ended(process: subprocess.Popen[bytes]) -> bool:
    """Return whether the process ended within a poll's time."""
    try:
        processes.reap_adopted(known=(process.pid,))
        process.wait(POLL_SECONDS)
    except subprocess.TimeoutExpired:
        return False
    return True
