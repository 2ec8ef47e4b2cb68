"""Sweeps whose points are known before: they run to their end, are ranked, and go on where they stopped."""

from __future__ import annotations

import json
import os
import signal

import pytest

from b4r_tui.experiments.load import load_experiments
from b4r_tui.runs.locks import hold
from b4r_tui.runs.processes import carriers
from b4r_tui.runs.state import RunState
from b4r_tui.runs.store import RunStore
from engine.contract.errors import ExitCode
from tests.b4r_tui.conftest import wait_until
from tests.b4r_tui.sweeps.conftest import QUADRATIC, Write, found, started, sweep

pytestmark = pytest.mark.usefixtures("fake_torchrun")
GRID = "'training.lr' = [0.1, 0.3]\nseeds = [1, 2]"
ONE_BREAKS = (
    "if config.training.lr == 0.1 and not Path('{}').exists(): raise ValueError('broken')\n" + QUADRATIC
)


def test_points_are_ranked_by_the_mean_over_seeds_and_the_best_is_an_experiment(
    sweep_of: Write, store: RunStore, capsys: pytest.CaptureFixture[str]
) -> None:
    path = sweep_of(GRID)
    assert sweep(path, store) == ExitCode.OK
    out = capsys.readouterr().out
    table = out[out.index("Points of x: ndcg@10 on validation, protocol full") :].splitlines()
    assert table[2].split() == ["1", "x-lr0.3", "0.3", "1.0015", "0.0007", "2/2", "finished"]
    assert table[3].split()[:4] == ["2", "x-lr0.1", "0.1", "0.9615"]
    assert "best so far: x-lr0.3, 1.0015" in out
    assert "best: x-lr0.3; its ndcg@10 on test: full 0.2000" in out
    snippet = out[out.index("[experiments.x-best]") :]
    path.write_text(path.read_text() + snippet)
    assert load_experiments(path).named("x-best").training.lr == 0.3


def test_run_again_it_starts_nothing_and_after_a_change_only_what_is_new(
    sweep_of: Write, store: RunStore, capsys: pytest.CaptureFixture[str]
) -> None:
    assert sweep(sweep_of(GRID), store) == ExitCode.OK
    before = {run.run_id for run in store.runs()}
    assert sweep(sweep_of(GRID), store, "--json") == ExitCode.OK
    assert found(capsys)["kept_runs"] == 4
    assert {run.run_id for run in store.runs()} == before
    assert sweep(sweep_of(GRID.replace("0.1", "0.2")), store) == ExitCode.OK
    assert [run.experiment for run in store.runs() if run.run_id not in before] == [
        "x-lr0.2-s1",
        "x-lr0.2-s2",
    ]
    assert "2 runs had already finished and were reused" in capsys.readouterr().out


def test_a_failed_run_is_run_again_only_with_retry(
    sweep_of: Write, store: RunStore, tmp_path, capsys: pytest.CaptureFixture[str]
) -> None:
    mended = tmp_path / "mended"
    path = sweep_of("'training.lr' = [0.1, 0.3]", ONE_BREAKS.format(mended))
    assert sweep(path, store) == ExitCode.RUN_FAILED
    mended.touch()
    assert sweep(path, store, "--json") == ExitCode.RUN_FAILED
    line = found(capsys)
    assert [(each["state"], each["value"] is None) for each in line["points"]] == [
        ("failed", True),
        ("finished", False),
    ]
    assert sweep(path, store, "--retry") == ExitCode.OK
    assert [run.state.value for run in store.runs()] == ["failed", "finished", "finished"]


def test_the_runs_of_a_killed_driver_are_taken_over(
    sweep_of: Write, store: RunStore, tmp_path, capsys
) -> None:
    gate = tmp_path / "gate"
    body = f"while not Path('{gate}').exists(): time.sleep(0.02)\n" + QUADRATIC
    path = sweep_of("'training.lr' = [0.1, 0.3]", body)
    driver = started(path, store)
    wait_until(lambda: [run.state for run in store.runs()] == [RunState.RUNNING, RunState.QUEUED], 60)
    driver.kill()
    driver.communicate()
    gate.touch()
    assert sweep(path, store, "--json") == ExitCode.OK
    assert [each["state"] for each in found(capsys)["points"]] == ["finished", "finished"]
    assert len(store.runs()) == 2


def test_an_interrupt_stops_the_runs_and_the_same_command_goes_on(
    sweep_of: Write, store: RunStore, tmp_path, capsys
) -> None:
    gate = tmp_path / "gate"
    body = (
        f"if config.training.lr == 0.3:\n  while not Path('{gate}').exists(): time.sleep(0.02)\n" + QUADRATIC
    )
    path = sweep_of("'training.lr' = [0.1, 0.3]", body)
    driver = started(path, store)
    wait_until(lambda: [run.state for run in store.runs()] == [RunState.FINISHED, RunState.RUNNING], 60)
    driver.send_signal(signal.SIGINT)
    out, err = driver.communicate(timeout=60)
    assert driver.returncode == ExitCode.INTERRUPTED, (out, err)
    assert "stopping 1 run" in err and "to resume the sweep" in err
    assert not any(carriers(run.run_id) for run in store.runs())
    gate.touch()
    assert sweep(path, store, "--json") == ExitCode.OK
    assert found(capsys)["kept_runs"] == 1
    assert [run.state.value for run in store.runs()] == ["finished", "stopped", "finished"]


def test_two_drivers_do_not_drive_the_same_sweep(sweep_of: Write, store: RunStore, capsys) -> None:
    folder = store.root / ".sweeps"
    folder.mkdir(parents=True)
    lock = hold(folder / "x.lock")
    assert sweep(sweep_of(GRID), store) == ExitCode.BAD_INPUT
    os.close(lock)
    assert "this sweep is already running" in capsys.readouterr().err
    assert not store.runs()


def test_points_on_other_data_are_ranked_apart_and_none_is_best(
    sweep_of: Write, store: RunStore, capsys: pytest.CaptureFixture[str]
) -> None:
    assert sweep(sweep_of("'data.seed' = [1, 2]"), store) == ExitCode.OK
    out = capsys.readouterr().out
    assert out.count("Points of x") == 2
    assert "-best]" not in out


def test_no_more_runs_start_than_the_budget_allows_and_more_go_on_from_there(
    sweep_of: Write, store: RunStore, capsys: pytest.CaptureFixture[str]
) -> None:
    table = "'training.lr' = [0.1, 0.2, 0.3]\nbudget_runs = 2"
    assert sweep(sweep_of(table), store, "--dry-run") == ExitCode.OK
    assert capsys.readouterr().out == "x: 2 runs\n"
    assert sweep(sweep_of(table), store) == ExitCode.OK
    assert "the budget was spent after 2 of 3 points; raise it to continue" in capsys.readouterr().out
    assert len(store.runs()) == 2
    assert sweep(sweep_of(table.replace("= 2", "= 3")), store, "--json") == ExitCode.OK
    line = found(capsys)
    assert (line["kept_runs"], line["budget_spent"], line["best"]["point"]) == (2, False, "x-lr0.3")


def test_a_dry_run_tells_the_time_that_earlier_epochs_took(
    sweep_of: Write, store: RunStore, capsys: pytest.CaptureFixture[str]
) -> None:
    table = "'training.lr' = [0.1, 0.2]"
    assert sweep(sweep_of(table, QUADRATIC.replace("tested()", "")), store) == ExitCode.OK
    capsys.readouterr()
    slower = sweep_of("'training.lr' = [0.2, 0.3, 0.4]", settings="training.num_epochs = 12000")
    assert sweep(slower, store, "--dry-run") == ExitCode.OK
    assert capsys.readouterr().out == "x: 3 runs, about 60 minutes\n"
    assert sweep(slower, store, "--dry-run", "--json") == ExitCode.OK
    assert json.loads(capsys.readouterr().out) == {"runs": 3, "there": 0, "seconds": pytest.approx(3600)}
