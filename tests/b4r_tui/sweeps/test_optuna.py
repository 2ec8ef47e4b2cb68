"""Searches by the real optuna: what it is told, how it goes on after a kill, and what it prunes."""

from __future__ import annotations

import sys

import optuna
import pytest

from b4r_tui.runs.state import RunState
from b4r_tui.runs.store import RunStore
from engine.contract.errors import ExitCode
from tests.b4r_tui.conftest import wait_until
from tests.b4r_tui.sweeps.conftest import QUADRATIC, Write, found, started, sweep

pytestmark = pytest.mark.usefixtures("fake_torchrun")
SEARCH = "method = 'optuna'\ntrials = 3\n'training.lr' = {low = 0.01, high = 1.0, log = true}\n"
SLOW = """
if rank == 0:
    started()
    bad = not config.name.startswith(("x.001", "x.002", "x.003", "x.004", "x.005"))
    for number in range(config.training.num_epochs):
        epoch(number, 0.01 if bad else 0.5 + 0.1 * number)
        if bad: time.sleep(60)
    events.write(RunFinished(seconds=0.1, best_epoch=1))
"""


def study_of(store: RunStore) -> optuna.Study:
    backend = optuna.storages.journal.JournalFileBackend(str(store.root / ".sweeps" / "x.log"))
    storage = optuna.storages.JournalStorage(backend)
    (summary,) = optuna.get_all_study_summaries(storage)
    return optuna.load_study(study_name=summary.study_name, storage=storage)


def test_a_search_cut_short_tries_the_same_points_as_one_that_was_not(
    sweep_of: Write, store: RunStore, tmp_path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = RunStore(tmp_path / "other")
    assert sweep(sweep_of(SEARCH), whole, "--json") == ExitCode.OK
    expected = found(capsys)
    assert sweep(sweep_of(SEARCH.replace("3", "1")), store) == ExitCode.OK
    gate = tmp_path / "gate"
    driver = started(
        sweep_of(SEARCH, f"while not Path('{gate}').exists(): time.sleep(0.02)\n" + QUADRATIC), store
    )
    wait_until(lambda: [run.state for run in store.runs()] == [RunState.FINISHED, RunState.RUNNING], 60)
    driver.kill()
    driver.communicate()
    with (store.root / ".sweeps" / "x.log").open("ab") as journal:
        journal.write(b'{"op_code": 6, "torn')
    gate.touch()
    assert sweep(sweep_of(SEARCH), store, "--json") == ExitCode.OK
    line = found(capsys)
    assert [(each["point"], each["values"], each["value"]) for each in line["points"]] == [
        (each["point"], each["values"], each["value"]) for each in expected["points"]
    ]
    assert len(store.runs()) == 3
    assert [trial.value for trial in study_of(store).trials] == [each["value"] for each in line["points"]]


def test_a_bad_trial_is_pruned_after_an_epoch_and_its_run_says_so(
    sweep_of: Write, store: RunStore, capsys: pytest.CaptureFixture[str]
) -> None:
    table = SEARCH.replace("3", "6") + "prune = 'median'\nseeds = [1]"
    assert sweep(sweep_of(table, SLOW), store, "--json") == ExitCode.OK
    points = found(capsys)["points"]
    assert [each["state"] for each in points] == ["finished"] * 5 + ["pruned"]
    last = store.runs()[-1]
    ended = last.exit()
    assert ended is not None
    assert (last.state, ended.reason) == (RunState.STOPPED, "pruned")
    assert ended.error == "pruned after epoch 1: 0.0100 is bad by the median rule"
    assert study_of(store).trials[-1].state is optuna.trial.TrialState.PRUNED
    assert sweep(sweep_of(table, SLOW), store) == ExitCode.OK
    assert len(store.runs()) == 6, "a pruned run stays pruned"


def test_a_failed_trial_is_tried_once_more_with_retry(
    sweep_of: Write, store: RunStore, tmp_path, capsys: pytest.CaptureFixture[str]
) -> None:
    mended = tmp_path / "mended"
    body = f"if not Path('{mended}').exists(): raise ValueError('broken')\n" + QUADRATIC
    path = sweep_of(SEARCH.replace("3", "1"), body)
    assert sweep(path, store) == ExitCode.RUN_FAILED
    mended.touch()
    assert sweep(path, store, "--retry", "--json") == ExitCode.OK
    (point,) = found(capsys)["points"]
    assert (point["point"], point["state"]) == ("x.002", "finished")
    first, second = study_of(store).trials
    assert first.params == second.params


def test_choices_that_were_tried_need_no_second_run(
    sweep_of: Write, store: RunStore, capsys: pytest.CaptureFixture[str]
) -> None:
    table = "method = 'optuna'\ntrials = 4\nevaluation.metric_ks = [[5, 10], [10]]"
    assert sweep(sweep_of(table), store, "--json") == ExitCode.OK
    tried = [each["values"]["evaluation.metric_ks"] for each in found(capsys)["points"]]
    assert len(tried) == len({repr(each) for each in tried}) == len(store.runs()) <= 2


def test_without_optuna_one_sentence_tells_what_to_install(
    sweep_of: Write, store: RunStore, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    assert sweep(sweep_of(SEARCH), store) == ExitCode.ENVIRONMENT
    assert "pip install 'b4r-tui[optuna]'" in capsys.readouterr().err


def test_a_search_cannot_be_run_whole_and_says_how_to(sweep_of: Write, store: RunStore, capsys) -> None:
    from b4r_tui.commands.main import main

    assert main(["--runs", str(store.root), "--run", str(sweep_of(SEARCH))]) == ExitCode.BAD_INPUT
    assert "--only x" in capsys.readouterr().err
    assert sweep(sweep_of(SEARCH), store, "--dry-run") == ExitCode.OK
    assert capsys.readouterr().out == "x: at most 3 runs\n"
