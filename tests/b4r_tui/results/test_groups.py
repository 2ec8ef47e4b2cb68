"""Runs that differ in their seed alone are one row; anything else that moves numbers makes another."""

from __future__ import annotations

from typing import Any

import pytest

from b4r_tui.results.groups import groups_of
from b4r_tui.results.leaderboard import leaderboard, notes_of, why_separate
from b4r_tui.runs.recipe import recipe, settings_of
from engine.contract.config.experiment import Experiment
from tests.b4r_tui.results.test_leaderboard import summary

MODEL: dict[str, Any] = {"name": "a", "data": {"dataset_name": "synthetic"}}


def made(**groups: dict[str, Any]) -> str:
    settings = {**MODEL, **groups}
    if "data" in groups:
        settings["data"] = {**MODEL["data"], **groups["data"]}
    return recipe(Experiment.model_validate(settings))


@pytest.mark.parametrize(
    "groups",
    [
        {"name": "b", "description": "another"},
        {"training": {"seed": 7, "keep_checkpoints": 2, "checkpoint_minutes": 1.0}},
        {"data": {"dataset_path": "/elsewhere"}},
        {"evaluation": {"val_batch_size": 7, "test_batch_size": 9, "block_mb": 3}},
        {"launch": {"threads": 1, "time_limit": 5.0, "env": {"A": "b"}, "gpu": 0}},
    ],
)
def test_what_moves_no_number_leaves_the_recipe(groups: dict[str, Any]) -> None:
    assert made(**groups) == made()


@pytest.mark.parametrize(
    "groups",
    [
        {"training": {"lr": 0.002}},
        {"training": {"train_batch_size": 64}},
        {"data": {"seed": 1}},
        {"model": {"max_len": 20}},
        {"evaluation": {"every": 2}},
        {"launch": {"j": "1x2"}},
        {"launch": {"mode": "dmp"}},
    ],
)
def test_what_moves_numbers_makes_another_recipe(groups: dict[str, Any]) -> None:
    assert made(**groups) != made()


def test_settings_are_flat() -> None:
    settings = settings_of(Experiment.model_validate(MODEL))
    assert settings["data.dataset_name"] == "synthetic"
    assert settings["training.early_stopping"] is None
    assert settings["evaluation.protocols"] == ["full", "popular-100"]


def seeded(run_id: str, seed: int, value: float, **more: Any) -> dict[str, Any]:
    return summary(
        run_id, value, **{"recipe": "r", "seed": seed, "experiment": f"base-lr0.1-s{seed}", **more}
    )


def test_seeds_share_a_row_with_mean_sd_and_interval() -> None:
    (board,) = leaderboard(
        [seeded("3", 3, 0.3), seeded("1", 1, 0.1), seeded("2", 2, 0.2), summary("9", 0.25)]
    )
    assert [row.experiment for row in board.rows] == ["e9", "base-lr0.1"]
    row = board.rows[1]
    assert (row.run_ids, row.seeds, row.runs) == (("1", "2", "3"), (1, 2, 3), 3)
    assert (row.value, row.sd) == (pytest.approx(0.2), pytest.approx(0.1))
    assert row.low == pytest.approx(0.2 - 0.24841377)
    assert board.as_json()["rows"][1]["seeds"] == (1, 2, 3)


def test_the_newest_run_of_a_seed_counts_and_the_older_ones_are_told() -> None:
    (board,) = leaderboard([seeded("1", 1, 0.1), seeded("5", 1, 0.4), seeded("2", 2, 0.2)])
    row = board.rows[0]
    assert (row.run_ids, row.repeats, row.value) == (("5", "2"), ("1",), pytest.approx(0.3))
    assert notes_of(board) == ["Not counted (a newer run has the same seed): 1 older run of base-lr0.1."]


def test_a_gpu_or_another_precision_makes_another_group() -> None:
    runs = [seeded("1", 1, 0.1, device="cpu"), seeded("2", 2, 0.2, device="cuda:0")]
    runs += [seeded("3", 3, 0.3, device="cpu", precision="bf16")]
    assert [group.run_ids for group in groups_of(runs)] == [("1",), ("2",), ("3",)]


def test_names_that_have_no_seed_in_common_are_listed() -> None:
    runs = [seeded("1", 1, 0.1, experiment="x"), seeded("2", 2, 0.2, experiment="y")]
    assert groups_of(runs)[0].name == "x, y"
    assert groups_of(runs)[0].answers_to("y")


def test_an_epoch_that_validation_did_not_choose_is_told() -> None:
    (board,) = leaderboard(
        [summary("1", tested_epoch=4, best_epoch=2), summary("2", tested_epoch=2, best_epoch=2)]
    )
    assert [row.by_validation for row in board.rows] == [False, True]
    assert notes_of(board) == ["Tested at an epoch not selected by validation: e1."]


def test_boards_say_what_keeps_them_apart() -> None:
    boards = leaderboard([summary("1"), summary("2", fingerprint="f2", dataset="ml-1m"), summary("3")])
    assert why_separate(boards) == (
        "Not ranked together: they differ in data set (synthetic, ml-1m) and split fingerprint (f1, f2)."
    )
    assert why_separate(boards[:1]) is None


def test_a_protocol_of_choice_ranks_runs_of_different_first_protocols() -> None:
    other = summary("2", 0.7, protocol="uniform-100", **{"test.uniform-100.ndcg@10": 0.9})
    (board,) = leaderboard([summary("1"), other], protocol="full")
    assert [row.run_id for row in board.rows] == ["2", "1"]
