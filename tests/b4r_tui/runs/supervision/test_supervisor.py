"""Real supervisors over small scripts: however a run ends, its folder tells."""

from __future__ import annotations

import os
import signal
import stat
from collections.abc import Callable

import psutil
import pytest

from b4r_tui.runs.launch import launch, stop
from b4r_tui.runs.processes import carriers
from b4r_tui.runs.progress import RunWatch
from b4r_tui.runs.state import RunState
from b4r_tui.runs.store import RunStore
from engine.contract.config.experiment import Experiment
from engine.contract.errors import B4RError, ExitCode
from engine.contract.events import RunFailed, read_events
from tests.b4r_tui.conftest import CRASHES, GOOD, SLEEPS, runners, wait_for_end, wait_until

Scripted = Callable[..., Experiment]
pytestmark = pytest.mark.usefixtures("fake_torchrun")


def test_a_run_that_ends_well_is_finished(store: RunStore, scripted: Scripted) -> None:
    (run,) = launch(store, [scripted(GOOD)])
    wait_for_end(run)
    ended = run.exit()
    assert ended is not None
    assert (run.state, ended.code, ended.error) == (RunState.FINISHED, 0, None)
    watch = RunWatch(run)
    watch.poll()
    assert watch.progress.fraction() == 1.0
    for path in run.dir.rglob("*"):
        assert not stat.S_IMODE(path.stat().st_mode) & 0o077, path


def test_ranks_get_their_environment(store: RunStore, scripted: Scripted) -> None:
    body = "print(os.environ['OMP_NUM_THREADS'], os.environ['B4R_RUN_ID'], os.environ['X'], Path.cwd(), file=log)"
    (run,) = launch(store, [scripted(body, j="1x2", threads=3, env={"X": "y z"})])
    wait_for_end(run)
    assert (run.dir / "logs" / "rank_1.log").read_text() == f"3 {run.run_id} y z {run.dir}\n"


def test_a_crash_is_never_silent(store: RunStore, scripted: Scripted) -> None:
    (run,) = launch(store, [scripted(CRASHES)])
    wait_for_end(run)
    ended, event = run.exit(), read_events(run.events_path)[-1].event
    assert ended is not None
    assert (run.state, ended.code) == (RunState.FAILED, 1)
    assert ended.error == "rank 0 ended with exit code 1: ValueError: this is broken"
    assert isinstance(event, RunFailed)
    assert event.error == ended.error
    assert "raise ValueError" in event.traceback


def test_what_the_engine_says_of_its_failure_stands(store: RunStore, scripted: Scripted) -> None:
    body = 'events.write(RunFailed(error="no such data; fetch it", rank=0))\nsys.exit(3)'
    (run,) = launch(store, [scripted(body)])
    wait_for_end(run)
    ended = run.exit()
    assert ended is not None
    assert (ended.code, ended.error) == (3, "no such data; fetch it")
    assert len(read_events(run.events_path)) == 1


def test_a_killed_rank_is_told_even_after_a_torn_event(store: RunStore, scripted: Scripted) -> None:
    body = 'started()\nos.write(events._fd, b\'{"v":1,"t":\')\nos.kill(os.getpid(), 9)'
    (run,) = launch(store, [scripted(body)])
    wait_for_end(run)
    ended, event = run.exit(), read_events(run.events_path)[-1].event
    assert ended is not None
    assert (ended.code, ended.signal) == (None, signal.SIGKILL)
    assert ended.error and ended.error.startswith("rank 0 was killed by SIGKILL")
    assert isinstance(event, RunFailed)


def test_stop_ends_a_run_and_leaves_no_process(store: RunStore, scripted: Scripted) -> None:
    body = "import subprocess\nsubprocess.Popen(['sleep', '60'], start_new_session=True)\n" + SLEEPS
    (run,) = launch(store, [scripted(body, j="1x2")])
    wait_until(lambda: (run.dir / "logs" / "rank_1.log").exists() and run.events_path.exists())
    assert carriers(run.run_id)
    stop(run, wait=20)
    assert run.state is RunState.STOPPED
    assert not carriers(run.run_id)


def test_a_rank_that_ignores_the_signal_is_killed_after_the_grace_period(
    store: RunStore, scripted: Scripted
) -> None:
    body = "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + SLEEPS
    (run,) = launch(store, [scripted(body)])
    wait_until(lambda: run.log_path(0).exists() and run.log_path(0).stat().st_size)
    stop(run, wait=20)
    assert run.state is RunState.STOPPED
    assert not carriers(run.run_id)


def test_a_run_that_ends_leaves_no_process_either(store: RunStore, scripted: Scripted) -> None:
    body = "import subprocess\nsubprocess.Popen(['sleep', '60'], start_new_session=True)\n" + GOOD
    (run,) = launch(store, [scripted(body)])
    wait_for_end(run)
    assert run.state is RunState.FINISHED
    assert not carriers(run.run_id)


def test_a_time_limit_stops_a_run_and_says_so(store: RunStore, scripted: Scripted) -> None:
    (run,) = launch(store, [scripted(SLEEPS, time_limit=0.01)])
    wait_for_end(run)
    ended = run.exit()
    assert ended is not None
    assert (run.state, ended.reason) == (RunState.STOPPED, "time_limit")
    assert ended.error and "time limit of 0.01 minutes" in ended.error


def test_a_killed_supervisor_makes_the_run_lost_and_takes_its_ranks_along(
    store: RunStore, scripted: Scripted
) -> None:
    (run,) = launch(store, [scripted(SLEEPS)])
    wait_until(lambda: run.events_path.exists())
    status = run.status()
    assert status is not None and status.supervisor_pid is not None
    os.kill(status.supervisor_pid, signal.SIGKILL)
    wait_until(lambda: run.state is RunState.LOST)
    wait_until(lambda: not carriers(run.run_id))
    stop(run)
    assert run.state is RunState.LOST, "there is nothing left to stop"


def test_stop_ends_what_a_lost_run_left(store: RunStore, scripted: Scripted) -> None:
    (run,) = launch(store, [scripted("signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + SLEEPS)])
    wait_until(lambda: run.events_path.exists())
    status = run.status()
    assert status is not None and status.supervisor_pid is not None
    supervisor = psutil.Process(status.supervisor_pid)
    for process in [*runners(store), supervisor, *supervisor.children()]:
        process.kill()
    wait_until(lambda: run.state is RunState.LOST)
    assert carriers(run.run_id), "nobody has looked yet"
    stop(run)
    assert run.state is RunState.LOST
    assert not carriers(run.run_id)


def test_runs_take_turns_in_order_and_a_waiting_one_can_be_stopped(
    store: RunStore, scripted: Scripted
) -> None:
    body = "while not (run / 'go').exists(): time.sleep(0.02)\n" + GOOD
    first, second, third = launch(store, [scripted(body, name) for name in ("a", "b", "c")])
    wait_until(lambda: first.state is RunState.RUNNING)
    assert (second.state, third.state) == (RunState.QUEUED, RunState.QUEUED)
    stop(second, wait=10)
    assert second.state is RunState.STOPPED
    status = second.status()
    assert status is not None and status.started_at is None
    for run in (first, third):
        (run.dir / "go").touch()
        wait_for_end(run)
    assert third.state is RunState.FINISHED


def test_the_supervisor_is_in_a_session_of_its_own(store: RunStore, scripted: Scripted) -> None:
    (run,) = launch(store, [scripted(SLEEPS)])
    wait_until(lambda: run.state is RunState.RUNNING)
    status = run.status()
    assert status is not None and status.supervisor_pid is not None
    assert os.getsid(status.supervisor_pid) == status.supervisor_pid
    assert "--standalone" in status.argv
    stop(run, wait=10)
    wait_until(lambda: not psutil.pid_exists(status.supervisor_pid))


def test_a_run_without_a_supervisor_is_marked_as_stopped(store: RunStore, scripted: Scripted) -> None:
    run = store.create(scripted(GOOD))
    stop(run)
    assert run.state is RunState.STOPPED


@pytest.mark.torchrun
def test_the_real_torchrun_reports_who_failed(store: RunStore, scripted: Scripted, monkeypatch) -> None:
    monkeypatch.delenv("PYTHONPATH")
    body = "if rank == 1:\n    print('last words', file=log)\n    sys.exit(3)\ntime.sleep(60)"
    (run,) = launch(store, [scripted(body, j="1x2")])
    wait_until(lambda: run.state.ended, 60)
    ended = run.exit()
    assert ended is not None
    assert (ended.code, ended.error) == (3, "rank 1 ended with exit code 3: last words")
    assert not carriers(run.run_id)


@pytest.mark.torchrun
def test_the_real_torchrun_is_stopped_with_all_its_ranks(
    store: RunStore, scripted: Scripted, monkeypatch
) -> None:
    monkeypatch.delenv("PYTHONPATH")
    monkeypatch.setenv("B4R_GRACE", "10")
    (run,) = launch(store, [scripted(SLEEPS, j="1x2")])
    wait_until(lambda: run.log_path(1).exists() and run.events_path.exists(), 60)
    stop(run, wait=30)
    assert run.state is RunState.STOPPED
    assert not carriers(run.run_id)


def test_when_no_runner_can_be_started_no_process_survives(
    store: RunStore, scripted: Scripted, monkeypatch
) -> None:
    monkeypatch.setattr("b4r_tui.runs.queue.start_runner.sys.executable", "/no/such/python")
    with pytest.raises(B4RError, match="cannot start a runner") as caught:
        launch(store, [scripted(GOOD, "a"), scripted(GOOD, "b")])
    assert caught.value.code is ExitCode.ENVIRONMENT
    assert [run.state for run in store.runs()] == [RunState.FAILED, RunState.FAILED]
