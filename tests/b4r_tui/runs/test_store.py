"""The runs root: making folders, listing and finding runs."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from b4r_tui.runs.store import RunStore
from engine.contract.config.experiment import Experiment, read_run_config
from engine.contract.errors import B4RError, ExitCode


def experiment(name: str = "a", **groups: object) -> Experiment:
    return Experiment.model_validate({"name": name, "data": {"dataset_name": "synthetic"}, **groups})


def test_the_frozen_config_reads_back_equal(store: RunStore) -> None:
    odd = experiment(
        description='with "quotes"\n and [brackets] and ünïcode',
        launch={"env": {"A.B": "1", "EMPTY": ""}, "time_limit": 0.5},
        training={"lr": 1e-7, "early_stopping": {"patience": 3}},
    )
    assert read_run_config(store.create(odd).dir) == odd


def test_a_new_run_is_queued_and_private(store: RunStore) -> None:
    run = store.create(experiment())
    assert run.state.value == "queued"
    for path in [run.dir.parent, run.dir, *run.dir.rglob("*")]:
        assert not stat.S_IMODE(path.stat().st_mode) & 0o077, path
    assert not [path for path in run.dir.iterdir() if path.name.startswith(".")], "no temporary file stays"


def test_ids_never_clash_even_in_the_same_instant(store: RunStore, monkeypatch) -> None:
    monkeypatch.setattr("b4r_tui.runs.store.ticks_now", lambda: 1_700_000_000 * 32**4)
    ids = [store.create(experiment()).run_id for _ in range(40)]
    assert len(set(ids)) == 40
    assert ids == sorted(ids)


def test_runs_are_listed_oldest_first_whatever_else_lies_there(store: RunStore) -> None:
    made = [store.create(experiment(name)) for name in ("b", "a", "b")]
    (store.root / "notes.txt").touch()
    (store.root / "a" / "20260101-000000-0000").mkdir()
    (store.root / "a" / "other").mkdir()
    assert store.runs() == made
    assert store.latest("b") == made[2]
    assert store.latest("c") is None


def test_find_takes_an_id_its_start_an_experiment_or_a_path(store: RunStore, monkeypatch) -> None:
    first, second = store.create(experiment("a")), store.create(experiment("a"))
    assert store.find(first.run_id) == first
    assert (
        store.find(second.run_id[:-1] if first.run_id[:-1] != second.run_id[:-1] else second.run_id) == second
    )
    assert store.find("a") == second
    assert store.find(str(first.dir)) == first
    monkeypatch.chdir(first.dir)
    assert store.find(".") == first


def test_find_tells_of_what_is_near_or_ambiguous(store: RunStore) -> None:
    with pytest.raises(B4RError, match="has no runs yet"):
        store.find("a")
    store.create(experiment("chain-ddp"))
    with pytest.raises(B4RError, match="did you mean 'chain-ddp'"):
        store.find("chain-dd")
    store.create(experiment("other"))
    with pytest.raises(B4RError, match="matches 2 runs"):
        store.find("2")


def test_a_root_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(B4RError, match="cannot create a run there") as caught:
        RunStore(tmp_path / "file").create(experiment())
    assert caught.value.code is ExitCode.ENVIRONMENT


def test_logs_are_listed_launcher_first_then_ranks_in_order(store: RunStore) -> None:
    run = store.create(experiment())
    for name in ("rank_10.log", "rank_2.log", "launcher.log", "rank_x.log", "notes.log"):
        (run.dir / "logs" / name).touch()
    assert [path.name for path in run.log_paths()] == ["launcher.log", "rank_2.log", "rank_10.log"]
