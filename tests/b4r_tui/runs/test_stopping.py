"""Stop leaves nobody: deaf children, double forks into other sessions with other environments, and ports."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Callable

import psutil
import pytest

from b4r_tui.runs.launch import launch, stop
from b4r_tui.runs.processes import carriers
from b4r_tui.runs.state import RunState
from b4r_tui.runs.store import Run, RunStore
from engine.contract.config.experiment import Experiment
from tests.b4r_tui.conftest import GOOD, SLEEPS, wait_for_end, wait_until

Scripted = Callable[..., Experiment]
pytestmark = pytest.mark.usefixtures("fake_torchrun")

# a rank that ignores SIGTERM, holds a port, and leaves a grandchild by a double fork: another session, no environment
DEAF = "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
STRAY = """
import socket
if os.fork() == 0:
    os.setsid()
    if os.fork():
        os._exit(0)
    code = "import signal, socket, sys, time; signal.signal(15, signal.SIG_IGN)\\n" \\
           "s = socket.create_server(('127.0.0.1', 0))\\n" \\
           "open(sys.argv[1], 'w').write(f'{__import__(\\"os\\").getpid()} {s.getsockname()[1]}\\\\n')\\n" \\
           "time.sleep(60)"
    os.execve(sys.executable, [sys.executable, "-c", code, str(run / f"stray_{rank}")], {})
os.wait()
while not (run / f"stray_{rank}").exists() or not (run / f"stray_{rank}").read_text().endswith("\\n"): time.sleep(0.02)
"""


def strays(run: Run) -> list[tuple[int, int]]:
    """Pid and port of each grandchild."""
    said = [path.read_text() for path in run.dir.glob("stray_*")]
    return [(int(text.split()[0]), int(text.split()[1])) for text in said if text.endswith("\n")]


def check_all_gone(run: Run, left: list[tuple[int, int]]) -> None:
    assert left and not carriers(run.run_id)
    for pid, port in left:
        assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
        socket.create_server(("127.0.0.1", port)).close()


def test_stop_finds_deaf_ranks_and_grandchildren_without_any_mark(
    store: RunStore, scripted: Scripted
) -> None:
    (run,) = launch(store, [scripted(DEAF + STRAY + SLEEPS, j="1x2")])
    wait_until(lambda: len(strays(run)) == 2 and run.events_path.exists())
    stop(run, wait=20)
    assert run.state is RunState.STOPPED
    check_all_gone(run, strays(run))


def test_a_run_that_ends_well_leaves_no_grandchild_either(store: RunStore, scripted: Scripted) -> None:
    (run,) = launch(store, [scripted(STRAY + GOOD)])
    wait_for_end(run)
    assert run.state is RunState.FINISHED
    check_all_gone(run, strays(run))


def test_the_runner_ends_even_unmarked_grandchildren_of_a_killed_supervisor(
    store, scripted: Scripted
) -> None:
    (run,) = launch(store, [scripted(DEAF + STRAY + SLEEPS)])
    wait_until(lambda: strays(run) and run.events_path.exists())
    status = run.status()
    assert status is not None and status.supervisor_pid is not None
    os.kill(status.supervisor_pid, signal.SIGKILL)
    wait_until(lambda: run.state is RunState.LOST)
    wait_until(lambda: not carriers(run.run_id) and not any(psutil.pid_exists(pid) for pid, _ in strays(run)))
    check_all_gone(run, strays(run))


def test_a_queued_run_stops_at_once_and_stopping_twice_is_harmless(
    store: RunStore, scripted: Scripted
) -> None:
    first, second = launch(store, [scripted(SLEEPS, "a"), scripted(SLEEPS, "b")])
    wait_until(lambda: first.state is RunState.RUNNING)
    stop(second)
    assert second.state is RunState.STOPPED
    stop(second)
    stop(first, wait=20)
    stop(first)
    assert first.state is RunState.STOPPED


def test_a_run_that_is_just_starting_can_be_stopped(store: RunStore, scripted: Scripted) -> None:
    for pause in (0.0, 0.1, 0.3, 0.6):
        (run,) = launch(store, [scripted(SLEEPS)])
        time.sleep(pause)
        stop(run, wait=20)
        assert run.state is RunState.STOPPED
        assert not carriers(run.run_id)
