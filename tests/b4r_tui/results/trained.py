"""Finished runs made without training: ranks drawn at random, and all the files that a test of them leaves."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from b4r_tui.runs.records import ExitRecord, write_exit
from b4r_tui.runs.store import Run, RunStore
from engine.contract.atomic_files import write_json
from engine.contract.config.experiment import Experiment
from engine.contract.events import VERSION, Epoch, Event, RunFinished, RunStarted, Test
from engine.contract.ranks.intervals import bootstrap
from engine.contract.ranks.metrics import per_user
from engine.contract.ranks.user_ranks import UserRanks

USERS = 80
ITEMS = 50


def trained(
    store: RunStore,
    name: str = "base",
    seed: int = 1,
    skill: float = 0.5,
    fingerprint: str = "f1f1f1f1f1",
    protocols: tuple[str, ...] = ("full",),
    negatives: str = "",
    tested_epoch: int = 1,
    **settings: Any,
) -> Run:
    """A run whose users find their item first the more often the higher `skill`; settings by group."""
    experiment = Experiment.model_validate(
        {
            "name": name,
            "data": {"dataset_name": "synthetic", **settings.pop("data", {})},
            "training": {"num_epochs": 3, "seed": seed, **settings.pop("training", {})},
            "evaluation": {"protocols": list(protocols), "metric_ks": [5, 10]},
            **settings,
        }
    )
    run = store.create(experiment)
    ranks = _ranks(name, seed, skill)
    metrics = {protocol: bootstrap(per_user(ranks, [5, 10]), resamples=200) for protocol in protocols}
    for event in _events(run, experiment, metrics, fingerprint, negatives, tested_epoch):
        _say(run, event)
    for protocol in protocols:
        write_ranks(run, protocol, ranks, fingerprint)
    write_json(run.dir / "environment.json", {"v": 1, "host": "here <&>", "packages": {"torch": "2.13.0"}})
    write_exit(run.dir, ExitRecord(reason="finished", ended_at=run_started(run) + 60.0, code=0))
    return run


def write_ranks(run: Run, protocol: str, ranks: UserRanks, fingerprint: str) -> None:
    """As engine.evaluation.rank_file writes them, without its data set."""
    table = pa.table(
        {
            "user_id": [f"u{user}" for user in ranks.users],
            "item_id": ["i"] * len(ranks),
            "rank": ranks.ranks,
            "ties": ranks.ties,
            "candidates": ranks.candidates,
        },
        metadata={"protocol": protocol, "phase": "test", "split_fingerprint": fingerprint},
    )
    (run.dir / "predictions").mkdir(exist_ok=True)
    pq.write_table(table, run.dir / "predictions" / f"ranks_{protocol}.parquet")


def run_started(run: Run) -> float:
    """When it was queued, unix seconds."""
    status = run.status()
    assert status is not None
    return status.queued_at


def _ranks(name: str, seed: int, skill: float) -> UserRanks:
    generator = np.random.default_rng([seed, *name.encode()])
    ease = np.random.default_rng(7).random(USERS)  # of a user, the same for all models
    ranks = 1.0 + np.floor((ITEMS - 1) * generator.random(USERS) ** (1 + 6 * skill * ease))
    zeros = np.zeros(USERS, dtype=np.int64)
    return UserRanks(np.arange(USERS), ranks, zeros, zeros + ITEMS)


def _events(
    run: Run, experiment: Experiment, metrics: Any, fingerprint: str, negatives: str, tested_epoch: int
) -> list[Event]:
    data = {"name": "synthetic", "users": USERS, "items": ITEMS, "fingerprint": fingerprint}
    baseline = {protocol: {"ndcg@10": {"value": 0.05, "n": USERS}} for protocol in metrics}
    drawn = {protocol: negatives for protocol in metrics if protocol != "full"}
    seed = experiment.training.seed
    return [
        RunStarted(
            run_id=run.run_id,
            experiment=run.experiment,
            world_size=1,
            device="cpu",
            mode="ddp",
            dataset=data,
            parameters=9,
            precision="fp32",
        ),
        *(
            Epoch(
                epoch=number,
                epochs=3,
                train_loss=4.0 - number + seed / 10,
                lr=0.001,
                seconds=1.0,
                sequences_per_second=99.0,
                metrics={protocol: {"ndcg@10": 0.1 + number / 20} for protocol in metrics},
                best=number == 1,
            )
            for number in range(3)
        ),
        Test(checkpoint_epoch=tested_epoch, metrics=metrics, baseline=baseline, negatives=drawn),
        RunFinished(seconds=3.0, best_epoch=1),
    ]


def _say(run: Run, event: Event) -> None:
    with run.events_path.open("a") as file:
        file.write(json.dumps({"v": VERSION, "t": 1.7e9, "type": event.type, **asdict(event)}) + "\n")
