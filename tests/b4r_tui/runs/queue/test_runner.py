"""A real runner over real supervisors and small scripts: what starts, when, and what survives a kill."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from b4r_tui.runs.launch import launch, stop
from b4r_tui.runs.locks import is_held
from b4r_tui.runs.processes import carriers
from b4r_tui.runs.queue.outlook import look_ahead, why_it_waits
from b4r_tui.runs.queue.reorder import change_settings, move, set_paused, set_priority
from b4r_tui.runs.queue.start_runner import ensure_runner, is_runner_alive
from b4r_tui.runs.queue_settings import Settings, write_settings
from b4r_tui.runs.resume import resume
from b4r_tui.runs.state import RunState
from b4r_tui.runs.store import Run, RunStore
from engine.contract.config.experiment import Experiment
from engine.contract.errors import B4RError
from tests.b4r_tui.conftest import CRASHES, GOOD, SLEEPS, runners, wait_until

Scripted = Callable[..., Experiment]
pytestmark = pytest.mark.usefixtures("fake_torchrun")
COUNTS = 'open(run.parent.parent / "starts", "a").write(run.name + "\\n")\n'  # O_APPEND: one line a start


def starts(store: RunStore) -> list[str]:
    path = store.root / "starts"
    return path.read_text().split() if path.exists() else []


def ids(*runs: Run) -> list[str]:
    return [run.run_id for run in runs]


def all_ended(runs: list[Run]) -> bool:
    return all(run.state.ended for run in runs)


def test_two_shells_at_once_share_one_runner_and_nothing_starts_twice(store: RunStore, scripted) -> None:
    experiments = [scripted(COUNTS, f"s{number}", threads=1) for number in range(4)]
    change_settings(store, cpus=2)
    with ThreadPoolExecutor(4) as pool:
        launched = list(pool.map(lambda one: launch(store, [one]), experiments))
    runs = [run for (run,) in launched]
    wait_until(lambda: all_ended(runs), 60)
    assert [run.state for run in runs] == [RunState.FINISHED] * 4
    assert sorted(starts(store)) == sorted(ids(*runs))
    assert len(runners(store)) <= 1


def test_the_runner_leaves_when_idle_and_a_late_run_is_not_left_behind(store, scripted, monkeypatch) -> None:
    monkeypatch.setenv("B4R_QUEUE_IDLE", "0")  # it leaves the moment nothing is to be done, as we queue
    for number in range(3):
        (run,) = launch(store, [scripted(COUNTS, f"s{number}")])
        wait_until(lambda run=run: run.state.ended, 30)
    assert len(starts(store)) == 3
    wait_until(lambda: not runners(store))


def test_runs_side_by_side_where_they_fit_and_in_order_where_not(store: RunStore, scripted) -> None:
    change_settings(store, cpus=2)
    one, two, three = launch(store, [scripted(SLEEPS, name, threads=1) for name in ("a", "b", "c")])
    wait_until(lambda: (one.state, two.state) == (RunState.RUNNING, RunState.RUNNING))
    assert why_it_waits(store, three) == "waits for 1 CPU thread"
    outlook = look_ahead(store)
    assert (outlook.cpus, outlook.free_cpus, [row.place for row in outlook.rows]) == (2, 0, [0, 0, 1])
    for run in (three, two, one):
        stop(run, wait=20)
    status = three.status()
    assert status is not None and status.started_at is None


def test_a_run_that_asks_for_nothing_has_all_threads_and_its_ranks_share_them(
    store: RunStore, scripted
) -> None:
    write_settings(store.root, Settings(cpus=1))
    body = "print(os.environ['OMP_NUM_THREADS'], os.environ.get('CUDA_VISIBLE_DEVICES'), file=log)"
    first, second = launch(store, [scripted(body, "a"), scripted(body, "b", threads=3)])
    wait_until(lambda: all_ended([first, second]))
    assert first.log_path(0).read_text() == "1 \n", "a limit of the queue is the run's share"
    assert second.log_path(0).read_text() == "3 \n", "what the experiment says stands"
    status = first.status()
    assert status is not None and (status.cpus, status.gpus) == (1, ())


def test_priority_moves_and_pauses_decide_the_order(store: RunStore, scripted) -> None:
    set_paused(store, [], True)
    a, b, c, d, e = launch(store, [scripted(COUNTS, name) for name in "abcde"])
    set_priority(store, d, 5)
    move(store, a, "last")
    move(store, c, "before", b)
    move(store, e, "first")
    set_paused(store, [b], True)
    assert [row.run for row in look_ahead(store).rows] == [e, d, c, b, a]
    assert why_it_waits(store, a) == "the queue is paused"
    assert starts(store) == []
    set_paused(store, [], False)
    wait_until(lambda: all_ended([a, c, d, e]), 60)
    assert starts(store) == ids(e, d, c, a)
    assert (b.state, why_it_waits(store, b)) == (RunState.QUEUED, "paused")
    set_paused(store, [b], False)
    wait_until(lambda: b.state is RunState.FINISHED)
    with pytest.raises(B4RError, match="only queued runs"):
        set_priority(store, b, 1)


def test_moving_between_the_same_two_runs_never_runs_out_of_room(store: RunStore, scripted) -> None:
    set_paused(store, [], True)
    runs = launch(store, [scripted(COUNTS, name) for name in "abcd"])
    order = list(runs)
    for turn in range(70):
        mover = order[2 + turn % 2]
        move(store, mover, "after", order[0])
        order.remove(mover)
        order.insert(1, mover)
        assert [row.run for row in look_ahead(store).rows] == order


def test_a_run_comes_after_another_and_fails_where_that_one_failed(store: RunStore, scripted) -> None:
    (first,) = launch(store, [scripted(COUNTS + SLEEPS, "first")])
    wait_until(lambda: first.events_path.exists())
    change_settings(store, cpus=8)
    (second,) = launch(store, [scripted(COUNTS, "second", threads=1)], after=[first])
    (third,) = launch(store, [scripted(COUNTS, "third", threads=1)], after=[second])
    assert why_it_waits(store, second) == f"after {first.name}"
    stop(first, wait=20)
    wait_until(lambda: all_ended([second, third]))
    ended = third.exit()
    assert second.state is third.state is RunState.FAILED
    assert ended is not None and ended.error == f"{second.name}, which must finish first, failed"
    (good,) = launch(store, [scripted(COUNTS, "good")])
    (last,) = launch(store, [scripted(COUNTS, "last")], after=[good])
    wait_until(lambda: last.state is RunState.FINISHED)
    assert starts(store) == ids(first, good, last)


def test_a_killed_runner_harms_no_run_and_the_next_takes_over(store: RunStore, scripted) -> None:
    body = COUNTS + "while not (run / 'go').exists(): time.sleep(0.02)\n" + GOOD
    first, second = launch(store, [scripted(body, "first"), scripted(body, "second")])
    wait_until(lambda: first.state is RunState.RUNNING)
    (runner,) = runners(store)
    runner.kill()
    runner.wait(10)
    assert (first.state, second.state) == (RunState.RUNNING, RunState.QUEUED)
    assert look_ahead(store).has_no_runner
    ensure_runner(store.root)
    wait_until(lambda: is_runner_alive(store.root))
    (first.dir / "go").touch()
    wait_until(lambda: first.state is RunState.FINISHED and second.state is RunState.RUNNING)
    (second.dir / "go").touch()
    wait_until(lambda: second.state is RunState.FINISHED)
    assert starts(store) == ids(first, second)


def test_runners_killed_while_they_start_runs_lose_none_and_start_none_twice(store, scripted) -> None:
    runs = launch(store, [scripted(COUNTS, f"s{number}", threads=1) for number in range(6)])
    kills = 0
    while not all_ended(runs):
        ensure_runner(store.root)
        for runner in runners(store):
            if kills < 12:
                with suppress(psutil.NoSuchProcess):
                    runner.kill()
            kills += 1
    assert [run.state for run in runs] == [RunState.FINISHED] * 6
    assert sorted(starts(store)) == sorted(ids(*runs))


def test_a_supervisor_that_is_killed_before_it_began_leaves_the_run_queued(
    store, scripted, monkeypatch
) -> None:
    slow = Path(sys.executable).parent / "python"
    monkeypatch.setenv("PYTHONPATH", str(store.root.parent / "slow"), prepend=os.pathsep)
    (store.root.parent / "slow").mkdir()
    gate = store.root.parent / "gate"
    (store.root.parent / "slow" / "sitecustomize.py").write_text(
        "import os, sys, time\n"
        "while 'b4r_tui.runs.supervision.supervisor' in sys.orig_argv "
        f"and not os.path.exists({str(gate)!r}): time.sleep(0.02)\n"
    )
    assert slow.exists()
    (run,) = launch(store, [scripted(COUNTS)])
    wait_until(lambda: supervisors(run))
    assert run.state is RunState.QUEUED
    supervisors(run)[0].kill()
    wait_until(lambda: (found := run.status()) is not None and found.starts == 2)
    gate.touch()
    wait_until(lambda: run.state is RunState.FINISHED)
    assert starts(store) == ids(run)


def test_a_supervisor_that_cannot_start_fails_its_run_with_a_sentence(store, scripted, monkeypatch) -> None:
    (store.root.parent / "broken").mkdir()
    monkeypatch.setenv("PYTHONPATH", str(store.root.parent / "broken"), prepend=os.pathsep)
    (store.root.parent / "broken" / "sitecustomize.py").write_text(
        "import os, sys\nif 'b4r_tui.runs.supervision.supervisor' in sys.orig_argv: os._exit(1)\n"
    )
    (run,) = launch(store, [scripted(GOOD)])
    wait_until(lambda: run.state is RunState.FAILED)
    ended = run.exit()
    assert ended is not None and ended.error is not None
    assert "its supervisor did not start" in ended.error and str(run.log_path()) in ended.error


def supervisors(run: Run) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        try:
            command = process.cmdline()
        except psutil.Error:
            continue
        if "b4r_tui.runs.supervision.supervisor" in command and str(run.dir) in command:
            found.append(process)
    return found


def test_a_run_that_is_taken_up_before_the_runner_saw_its_end_starts_again(store: RunStore, scripted) -> None:
    (run,) = launch(store, [scripted(COUNTS + CRASHES)])
    wait_until(lambda: run.state is RunState.RUNNING)
    (runner,) = runners(store)
    runner.suspend()
    wait_until(lambda: run.state is RunState.FAILED)
    wait_until(lambda: not is_held(run.dir / "lock"))
    resume(run)
    assert run.state is RunState.QUEUED
    runner.resume()
    wait_until(lambda: run.state is RunState.FAILED)
    assert starts(store) == ids(run, run)


def test_what_a_killed_supervisor_and_torchrun_leave_is_swept_by_the_runner(
    store: RunStore, scripted
) -> None:
    (run,) = launch(store, [scripted("signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + SLEEPS, j="1x2")])
    wait_until(lambda: run.log_path(1).exists() and run.events_path.exists())
    status = run.status()
    assert status is not None and status.supervisor_pid is not None
    (torchrun,) = psutil.Process(status.supervisor_pid).children()
    for pid in (status.supervisor_pid, torchrun.pid):
        os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not carriers(run.run_id))
    assert run.state is RunState.LOST


def test_a_queue_of_many_runs_is_one_process(store: RunStore, scripted) -> None:
    (first,) = launch(store, [scripted(SLEEPS, "first")])
    wait_until(lambda: first.state is RunState.RUNNING)
    queued = launch(store, [scripted(COUNTS, "many")] * 40)
    (runner,) = runners(store)
    wait_until(lambda: look_ahead(store).rows[-1].place == 40)
    assert len(runner.children()) == 1, "the supervisor of the first"
    assert not any(carriers(run.run_id) for run in queued[:2])
    for run in reversed(queued):
        stop(run)
    assert {run.state for run in queued} == {RunState.STOPPED}
    stop(first, wait=20)
    assert starts(store) == []


def test_the_runner_imports_nothing_heavy() -> None:
    heavy = ("pydantic", "rich", "torch", "tomlkit")
    code = f"import sys, b4r_tui.runs.queue.runner; print([name for name in {heavy} if name in sys.modules])"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said == "[]\n"


def test_a_failed_run_lets_the_next_start(store: RunStore, scripted) -> None:
    bad, good = launch(store, [scripted(CRASHES, "bad"), scripted(COUNTS, "good")])
    wait_until(lambda: all_ended([bad, good]))
    assert (bad.state, good.state) == (RunState.FAILED, RunState.FINISHED)
