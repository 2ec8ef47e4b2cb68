"""The flat record of a run is made of its other files."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from b4r_tui.results.seed_check import check_seeds
from b4r_tui.runs.launch import launch
from b4r_tui.runs.store import RunStore
from b4r_tui.runs.summary import read_summary, summarise
from engine.contract.atomic_files import read_json
from engine.contract.config.experiment import Experiment
from tests.b4r_tui.conftest import GOOD, wait_for_end


@pytest.mark.usefixtures("fake_torchrun")
def test_a_summary_is_flat_written_at_the_end_and_can_be_made_again(
    store: RunStore, scripted: Callable[..., Experiment]
) -> None:
    (run,) = launch(store, [scripted(GOOD, j="1x2")])
    wait_for_end(run)
    kept = read_json(run.dir / "summary.json")
    assert kept == summarise(run) == read_summary(run)
    assert kept is not None
    assert not [value for value in kept.values() if isinstance(value, dict | list)]
    expected = {
        "state": "finished",
        "mode": "ddp",
        "ranks": 2,
        "epochs_done": 2,
        "tested_epoch": 1,
        "fingerprint": "abcdef0123456789",
        "test.full.ndcg@10": 0.2,
        "test.full.ndcg@10.n": 10,
        "baseline.full.ndcg@10": 0.1,
    }
    assert {key: kept[key] for key in expected} == expected
    (run.dir / "summary.json").unlink()
    assert read_summary(run) == kept


def test_a_run_that_said_nothing_has_a_summary_too(
    store: RunStore, scripted: Callable[..., Experiment]
) -> None:
    run = store.create(scripted(GOOD))
    assert read_summary(run)["state"] == "queued"
    (run.dir / "config.toml").write_text("broken")
    assert read_summary(run)["epochs_done"] == 0


def test_seed_check_compares_every_test_number_exactly() -> None:
    one = {"experiment": "a", "test.full.mrr": 0.1, "test.full.mrr.n": 3}
    same, other, untested = dict(one), {**one, "test.full.mrr": 0.1 + 1e-16}, {"experiment": "a"}
    assert check_seeds([one, same])[0].same
    (check,) = check_seeds([one, other])
    assert not check.same
    assert "1 of 2 test numbers differ; full.mrr is 0.1 and 0.1" in check.sentence
    assert not check_seeds([one, untested])[0].same
    assert check_seeds([one, {**one, "experiment": "b"}]) == []
