"""A budget counts the time in which runs of the sweep went, by a clock that the test turns."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from b4r_tui.runs.records import FINISHED, ExitRecord, read_status, write_exit, write_status
from b4r_tui.runs.store import Run, RunStore
from b4r_tui.sweeps.budget import Budget, covered
from tests.builders import experiment_of

spans = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 20)).map(lambda each: (each[0], sum(each))))


def made(store: RunStore, start: float, end: float | None) -> Run:
    run = store.create(experiment_of())
    status = read_status(run.dir)
    assert status is not None
    write_status(run.dir, type(status)(**{**vars(status), "started_at": start}))
    if end is not None:
        write_exit(run.dir, ExitRecord(reason=FINISHED, ended_at=end, code=0))
    return run


@given(spans)
def test_time_is_counted_once_however_many_runs_go_side_by_side(found) -> None:
    assert covered(found) == len({second for start, end in found for second in range(start, end)})


def test_no_run_starts_once_the_time_is_spent(tmp_path) -> None:
    store = RunStore(tmp_path)
    runs = [made(store, 1000.0, 1060.0), made(store, 5000.0, None)]
    budget = Budget(seconds=120.0)
    assert budget.allows(1, runs, now=5059.0), "what lies between the runs does not count"
    assert not budget.allows(1, runs, now=5060.0)


def test_earlier_attempts_of_a_run_count_too(tmp_path) -> None:
    store = RunStore(tmp_path)
    run = made(store, 5000.0, 5050.0)
    first = run.dir / "attempts" / "1"
    first.mkdir(parents=True)
    earlier = made(store, 1000.0, 1060.0)
    for name in ("status.json", "exit.json"):
        (earlier.dir / name).rename(first / name)
    assert Budget(seconds=111.0).allows(1, [run], now=9000.0)
    assert not Budget(seconds=110.0).allows(1, [run], now=9000.0)


def test_runs_that_never_started_do_not_count(tmp_path) -> None:
    store = RunStore(tmp_path)
    withdrawn = store.create(experiment_of())
    write_exit(withdrawn.dir, ExitRecord(reason="stopped", ended_at=1.0))
    runs = [made(store, 1.0, 2.0), withdrawn]
    assert Budget(runs=2).allows(1, runs, now=0.0)
    assert not Budget(runs=2).allows(2, runs, now=0.0)
