"""Runs of the engine: what they report, and that ranks, modes and restarts do not change the numbers."""

import itertools
import json
import shutil

import pandas as pd
import pytest
import torch

from engine.contract.events import Epoch, RunFailed, RunStarted, Test, read_events
from engine.runtime.checkpoints.epoch_files import read_checkpoint
from tests.builders import experiment_of, write_run_config
from tests.engine.conftest import run_module

pytestmark = pytest.mark.torchrun


def events_of(run_dir, kind):
    return [
        record.event for record in read_events(run_dir / "events.jsonl") if isinstance(record.event, kind)
    ]


def test_a_run_writes_the_events_of_the_contract(single_run):
    raw = [json.loads(line) for line in (single_run / "events.jsonl").read_text().splitlines()]
    kinds = [event["type"] for event in raw if event["type"] != "progress"]
    assert kinds[0] == "run_started" and kinds[-1] == "run_finished"
    assert kinds.count("epoch") == kinds.count("checkpoint") == 2
    assert all(event["v"] == 1 and event["t"] > 1.6e9 for event in raw)
    started = next(event for event in raw if event["type"] == "run_started")
    assert started["dataset"]["interactions"] == 900 and len(started["dataset"]["fingerprint"]) >= 16
    assert started["dataset"]["evaluated_users"] == {"validate": 60, "test": 60}
    assert started["dataset"]["training_interactions"] == 900 - 2 * 60
    assert started["dataset"]["funnel"][0] == {"name": "read", "interactions": 900, "users": 60, "items": 40}
    times = [event["t"] for event in raw if event["type"] == "progress"]
    assert all(later - earlier >= 0.45 for earlier, later in itertools.pairwise(times))


def test_the_folder_holds_checkpoints_metrics_and_environment(single_run):
    assert {path.name for path in (single_run / "checkpoints").iterdir()} == {
        "epoch_0_model.pth",
        "epoch_1_model.pth",
        "best.json",
        "last",
    }
    content = torch.load(single_run / "checkpoints" / "epoch_1_model.pth", weights_only=True)
    assert all(type(tensor) is torch.Tensor for tensor in content["model"].values())
    assert len(content["item_ids"]) == 40
    metrics = json.loads((single_run / "metrics.json").read_text())
    values = metrics["metrics"]["full"]["ndcg@10"]
    assert values["low"] <= values["value"] <= values["high"] and values["n"] == 60
    assert metrics["baseline"] == metrics["baselines"]["popularity"]
    assert metrics["baselines"].keys() == {"random", "popularity", "markov"}
    assert 0 < metrics["metrics"]["full"]["coverage@10"]["value"] <= 1
    assert values["low"] <= metrics["baselines"]["markov"]["full"]["ndcg@10"]["value"]  # a planted chain
    ranks = pd.read_parquet(single_run / "predictions" / "ranks_full.parquet")
    assert (1 / ranks["rank"]).mean() == pytest.approx(metrics["metrics"]["full"]["mrr"]["value"], abs=1e-12)
    assert metrics["baseline"]["popular-10"].keys() == metrics["metrics"]["popular-10"].keys()
    started = next(iter(events_of(single_run, RunStarted)))
    assert metrics["split"] == started.dataset["split"] == "leave-two-out"
    assert metrics["split_fingerprint"] == started.dataset["fingerprint"]
    assert metrics["negatives"] == events_of(single_run, Test)[-1].negatives
    assert list(metrics["negatives"]) == ["popular-10"]
    environment = json.loads((single_run / "environment.json").read_text())
    assert environment["packages"]["torchrec"] and environment["world_size"] == 1


def test_the_best_epoch_is_the_one_tested_last(single_run):
    best = [event.epoch for event in events_of(single_run, Epoch) if event.best][-1]
    assert events_of(single_run, Test)[-1].checkpoint_epoch == best
    assert json.loads((single_run / "checkpoints" / "best.json").read_text())["epoch"] == best


def test_a_temporal_split_is_trained_validated_and_tested_on_users_of_each_phase_by_two_ranks(train):
    data = {"dataset_name": "random", "split": "temporal", "temporal_fractions": [0.8, 0.95]}
    experiment = experiment_of(data=data, training={"num_epochs": 1}, launch={"j": "1x2"})
    run_dir = train(experiment, 2)
    (started,), (test,) = events_of(run_dir, RunStarted), events_of(run_dir, Test)
    evaluated = started.dataset["evaluated_users"]
    assert started.dataset["training_interactions"] == 720
    assert 0 < evaluated["test"] < evaluated["validate"] <= 60
    assert {value["n"] for value in test.metrics["full"].values()} == {evaluated["test"]}
    done = run_module("engine.programs.evaluate", [str(run_dir)], 0)
    assert done.returncode == 0, done.stderr
    alone = events_of(run_dir, Test)[-1]
    for protocol, metrics in test.metrics.items():
        for name, interval in metrics.items():
            assert alone.metrics[protocol][name] == pytest.approx(interval, rel=0, abs=1e-6), (protocol, name)
    assert alone.baselines == test.baselines


def test_the_same_seed_gives_the_same_run(single_run, train):
    again = train(experiment_of(model={"dropout": 0.0}), 0)
    assert events_of(again, Test) == events_of(single_run, Test)
    assert [e.train_loss for e in events_of(again, Epoch)] == [
        e.train_loss for e in events_of(single_run, Epoch)
    ]


def test_two_ddp_ranks_learn_what_one_process_learns(single_run, ddp_run):
    one, two = (events_of(run, Epoch) for run in (single_run, ddp_run))
    assert [e.train_loss for e in two] == pytest.approx([e.train_loss for e in one], abs=1e-5)
    ours = read_checkpoint(ddp_run / "checkpoints" / "epoch_1_model.pth").weights
    theirs = read_checkpoint(single_run / "checkpoints" / "epoch_1_model.pth").weights
    for name, tensor in theirs.items():
        torch.testing.assert_close(ours[name], tensor, atol=2e-4, rtol=1e-3, msg=name)


def test_dmp_learns_and_leaves_the_same_kind_of_checkpoint(single_run, dmp_run):
    losses = [e.train_loss for e in events_of(dmp_run, Epoch)]
    assert losses[1] < losses[0]
    ours = read_checkpoint(dmp_run / "checkpoints" / "epoch_1_model.pth")
    theirs = read_checkpoint(single_run / "checkpoints" / "epoch_1_model.pth")
    assert {n: t.shape for n, t in ours.weights.items()} == {n: t.shape for n, t in theirs.weights.items()}
    assert ours.item_ids == theirs.item_ids


EVALUATIONS = {
    "ddp_run": [("ddp", 0, 128), ("ddp", 1, 128), ("ddp", 4, 11), ("dmp", 1, 50), ("dmp", 4, 5)],
    "dmp_run": [("ddp", 0, 128), ("ddp", 2, 7), ("dmp", 2, 13)],
}


@pytest.mark.long
@pytest.mark.parametrize("trained", EVALUATIONS)
def test_a_checkpoint_gives_the_same_metrics_on_one_two_and_four_ranks_in_both_modes(
    trained, request, tmp_path
):
    run_dir = request.getfixturevalue(trained)
    found = {}
    for mode, ranks, batch in EVALUATIONS[trained]:
        folder = tmp_path / f"{mode}-{ranks}"
        write_run_config(
            folder,
            experiment_of(
                model={"dropout": 0.0},
                evaluation={"test_batch_size": batch, "pth": str(checkpoint(run_dir))},
                launch={"mode": mode, "j": f"1x{max(ranks, 1)}"},
            ),
        )
        done = run_module("engine.programs.evaluate", [str(folder)], ranks)
        assert done.returncode == 0, done.stderr
        found[mode, ranks] = json.loads((folder / "metrics.json").read_text())
    first = found.pop(("ddp", 0))
    assert first["metrics"]["full"]["mrr"]["value"] > 0
    for other in found.values():
        for protocol, metrics in first["metrics"].items():
            for name, interval in metrics.items():
                assert other["metrics"][protocol][name] == pytest.approx(interval, rel=0, abs=1e-6), name
        assert other["baseline"] == first["baseline"]


def checkpoint(run_dir):
    return run_dir / "checkpoints" / "epoch_1_model.pth"


def test_evaluating_a_run_repeats_its_own_test(single_run, tmp_path):
    single_run = shutil.copytree(single_run, tmp_path / single_run.name)  # other tests read the original
    before = json.loads((single_run / "metrics.json").read_text())
    done = run_module("engine.programs.evaluate", [str(single_run)], 0)
    assert done.returncode == 0, done.stderr
    assert json.loads((single_run / "metrics.json").read_text()) == before


def test_old_checkpoints_are_dropped_but_never_the_best(train):
    run_dir = train(experiment_of(training={"num_epochs": 4, "keep_checkpoints": 1, "lr": 1e-5}), 0)
    best = json.loads((run_dir / "checkpoints" / "best.json").read_text())["epoch"]
    names = {path.name for path in (run_dir / "checkpoints").glob("*.pth")}
    assert names == {f"epoch_{epoch}_model.pth" for epoch in (best, 3 if best != 3 else 2)}


def test_early_stopping_ends_a_run_that_does_not_improve(train):
    settings = {"num_epochs": 30, "lr": 1e-9, "early_stopping": {"patience": 2}}
    run_dir = train(experiment_of(training=settings), 0)
    assert len(events_of(run_dir, Epoch)) == 3


FAILURES = {
    "missing data": (
        {"data": {"dataset_name": "ml-100k", "dataset_path": "/nonexistent"}},
        2,
        "/nonexistent",
    ),
    "other items": ({"evaluation": {"pth": "nothing.pth"}}, 2, "nothing.pth"),
    "loss explodes": (
        {"training": {"lr": 1e30}},
        1,
        "epoch 0, step 1 of 7 (both counted from 0), at learning rate 1e+30",
    ),
    "too many negatives": (
        {"training": {"loss": "gbce", "num_negatives": 40}},
        2,
        "at most 39",
    ),
}


@pytest.mark.parametrize("name", FAILURES)
def test_a_failure_is_one_sentence_an_event_and_an_exit_code(name, tmp_path):
    settings, code, words = FAILURES[name]
    write_run_config(tmp_path, experiment_of(**settings))
    done = run_module("engine.train", [str(tmp_path)], 0)
    (failure,) = events_of(tmp_path, RunFailed)
    assert done.returncode == code
    assert words in failure.error and "\n" not in failure.error
    assert "Traceback" not in done.stderr


def test_the_first_rank_that_fails_is_the_one_reported(tmp_path):
    write_run_config(tmp_path, experiment_of(launch={"j": "1x2"}))
    (tmp_path / "environment.json").mkdir()  # only rank 0 writes it; the other one then loses its peer
    done = run_module("engine.train", [str(tmp_path)], 2)
    (failure,) = events_of(tmp_path, RunFailed)
    assert done.returncode == 1
    assert failure.rank == 0 and "environment.json" in failure.error and failure.traceback


def test_a_supervised_rank_logs_to_its_own_file(tmp_path):
    write_run_config(tmp_path, experiment_of(launch={"mode": "dmp", "j": "1x2", "sharding": "row_wise"}))
    done = run_module("engine.train", [str(tmp_path)], 2, B4R_RUN_ID="watched")
    assert done.returncode == 0, done.stderr
    first, second = ((tmp_path / "logs" / f"rank_{rank}.log").read_text() for rank in (0, 1))
    assert "rank 0 of 2" in first and "rank 1 of 2" in second
    assert "rows 0-20," in first and "rows 21-40," in second
    assert "full.ndcg@10=" in first and "run_finished" in first
    assert "TBE" not in first + second


def test_a_run_that_has_finished_is_not_trained_again_nor_marked_as_failed(single_run):
    before = (single_run / "events.jsonl").read_text()
    done = run_module("engine.train", [str(single_run)], 0)
    assert done.returncode == 2 and "has finished" in done.stderr
    assert (single_run / "events.jsonl").read_text() == before
