"""Writes run folders by hand, with plausible values: for the app's tests and for its pictures."""

from __future__ import annotations

import json
import math
import os
import random
from dataclasses import asdict
from pathlib import Path

from b4r_tui.runs.locks import hold
from b4r_tui.runs.records import ExitRecord, StatusRecord, write_exit, write_status
from b4r_tui.runs.store import Run, config_text
from engine.contract.config.experiment import Experiment
from engine.contract.events import (
    VERSION,
    Epoch,
    Event,
    Progress,
    RunFailed,
    RunFinished,
    RunStarted,
    Test,
    Warn,
)

NOW = 1_760_000_000.0
KS = (1, 5, 10, 20, 50, 100)
SAID_OF_DATA = {
    "fingerprint": "5f1c9e0a",
    "data_fingerprint": "0c77e2b19d3a4f58",
    "training_interactions": 987_531,
    "evaluated_users": {"validate": 6040, "test": 6040},
    "funnel": [
        {"name": "read", "interactions": 1_000_209, "users": 6040, "items": 3706},
        {"name": "min_rating", "interactions": 1_000_209, "users": 6040, "items": 3706},
        {"name": "min_item_count", "interactions": 999_611, "users": 6040, "items": 3416},
        {"name": "min_user_count", "interactions": 999_611, "users": 6040, "items": 3416},
        {"name": "repeated", "interactions": 999_611, "users": 6040, "items": 3416},
    ],
}

TOML = """\
[defaults.training]
num_epochs = 20

[experiments.ml-1m-base]
description = "BERT4Rec as in the paper"
data.dataset_name = "ml-1m"
data.dataset_path = "ml-1m"
model.max_len = 200
model.emb_dim = 64
launch.mode = "ddp"
launch.j = "1x2"

[experiments.ml-1m-dmp]
extends = "ml-1m-base"
description = "The same, item table sharded over two ranks"
launch.mode = "dmp"

[experiments.synthetic-small]
description = "A planted Markov chain: a minute on a laptop"
data.dataset_name = "synthetic"
data.random_user_count = 2000
data.random_item_count = 500
data.random_size = 60000
"""


def write_experiments(folder: Path, text: str = TOML) -> Path:
    """An experiments file with the data folder it names; the app itself never reads the data."""
    (folder / "ml-1m").mkdir(parents=True, exist_ok=True)
    (folder / "ml-1m" / "ratings.dat").write_text("1::1193::5::978300760\n")
    file = folder / "experiments.toml"
    file.write_text(text)
    return file


class RunFolder:
    """A run folder in the making; every method writes what the real programs would."""

    def __init__(self, root: Path, run_id: str, experiment: Experiment, at: float = NOW) -> None:
        self.run = Run(root / experiment.name / run_id, experiment.name, run_id)
        self.experiment, self.t, self.seed = experiment, at, f"{experiment.name}/{run_id}"
        self.lock: int | None = None
        (self.run.dir / "logs").mkdir(parents=True)
        (self.run.dir / "config.toml").write_text(config_text(experiment))
        self._status(None)

    def started(self) -> RunFolder:
        self._status(self.t)
        launch, data = self.experiment.launch, self.experiment.data
        size = {"name": data.dataset_name, "users": 6040, "items": 3416, "interactions": 999611}
        self.say(
            RunStarted(
                run_id=self.run.run_id,
                experiment=self.run.experiment,
                world_size=launch.processes,
                device="cpu",
                mode=launch.mode,
                dataset={**size, **SAID_OF_DATA, "split": data.split},
                parameters=422_984,
                plan=plan_of(launch.mode, launch.processes),
            )
        )
        self.log("launcher", f"torchrun --standalone --nproc-per-node {launch.processes} -m engine.train")
        for rank in range(launch.processes):
            self.log(f"rank_{rank}", f"rank {rank} of {launch.processes} is up on cpu")
        return self

    def epochs(self, count: int, seconds: float = 41.0) -> RunFolder:
        """`count` epochs over, each with validation metrics that rise and flatten out."""
        best = max(range(count), key=lambda epoch: _ndcg(self.seed, epoch), default=0)
        top = -1.0
        for epoch in range(count):
            self.t += seconds
            value = _ndcg(self.seed, epoch)
            loss = 4.9 + 2.6 * math.exp(-epoch / 4) + _noise(self.seed, epoch) * 0.04
            self.say(
                Epoch(
                    epoch=epoch,
                    epochs=self.experiment.training.num_epochs,
                    train_loss=loss,
                    lr=1e-3 * 0.9**epoch,
                    seconds=seconds,
                    sequences_per_second=442.0 + 9 * _noise(self.seed, epoch),
                    metrics={"full": _metrics(value), "popular-100": _metrics(min(0.9, value * 2.9))},
                    best=value > top and epoch <= best,
                )
            )
            top = max(top, value)
            self.log("rank_0", f"epoch {epoch + 1}: loss {loss:.4f}, NDCG@10 {value:.4f} (full)")
        self.best = best
        return self

    def training(self, epoch: int, step: int, steps: int = 142, loss: float = 5.213) -> RunFolder:
        self.t += 20.0
        self.say(
            Progress(
                phase="train",
                epoch=epoch,
                step=step,
                steps=steps,
                loss=loss,
                sequences_per_second=446.0,
                memory_mb=812.0,
            )
        )
        return self

    def warned(self, message: str) -> RunFolder:
        self.say(Warn(code="short-sequences", message=message))
        return self

    def finished(self) -> RunFolder:
        value = _ndcg(self.seed, self.best)
        metrics = {"full": _intervals(value * 0.95), "popular-100": _intervals(min(0.9, value * 2.7))}
        baseline = {"full": _intervals(0.021), "popular-100": _intervals(0.052)}
        markov = {"full": _intervals(0.074), "popular-100": _intervals(0.211)}
        random = {"full": _intervals(0.0014), "popular-100": _intervals(0.045)}
        self.say(
            Test(
                checkpoint_epoch=self.best,
                metrics=metrics,
                baseline=baseline,
                baselines={"random": random, "popularity": baseline, "markov": markov},
            )
        )
        self.say(RunFinished(seconds=self.t - self.t_started, best_epoch=self.best))
        return self.exits(ExitRecord(reason="finished", ended_at=self.t, code=0))

    def failed(self, error: str, traceback: str = "") -> RunFolder:
        self.say(RunFailed(error=error, rank=1, traceback=traceback))
        self.log("rank_1", error)
        return self.exits(ExitRecord(reason="failed", ended_at=self.t, code=1))

    def stopped(self) -> RunFolder:
        return self.exits(ExitRecord(reason="stopped", ended_at=self.t, signal=15))

    def exits(self, record: ExitRecord) -> RunFolder:
        write_exit(self.run.dir, record)
        return self

    def held(self) -> RunFolder:
        """Held by this process until it ends or `let_go`: a sign of life."""
        self.lock = hold(self.run.dir / "lock")
        return self

    def let_go(self) -> None:
        """Give up the sign of life, if there was one."""
        if self.lock is not None:
            os.close(self.lock)
            self.lock = None

    def log(self, name: str, line: str) -> RunFolder:
        with (self.run.dir / "logs" / f"{name}.log").open("a") as file:
            file.write(line + "\n")
        return self

    def say(self, event: Event) -> RunFolder:
        line = {"v": VERSION, "t": self.t, "type": event.type, **asdict(event)}
        with self.run.events_path.open("a") as file:
            file.write(json.dumps(line) + "\n")
        return self

    def _status(self, started_at: float | None) -> None:
        self.t_started = self.t
        record = StatusRecord(
            run_id=self.run.run_id, experiment=self.run.experiment, queued_at=self.t, started_at=started_at
        )
        write_status(self.run.dir, record)


def plan_of(mode: str, ranks: int) -> list[dict[str, object]]:
    """As an engine on CPU tells it for 3,416 items of width 64."""
    return [
        {
            "table": table,
            "sharding": "row_wise" if mode == "dmp" else "replicated",
            "kernel": "fused" if mode == "dmp" and table == "item" else "dense",
            "optimiser": "rowwise_adagrad" if mode == "dmp" and table == "item" else "adamw",
            "size": [rows, 64],
            "shards": [_shard(mode, table, rank, ranks, rows) for rank in range(ranks)],
        }
        for table, rows in (("item", 3417), ("output", 3416))
    ]


def _shard(mode: str, table: str, rank: int, ranks: int, rows: int) -> dict[str, object]:
    most = -(-rows // ranks)
    first, end = (rank * most, min(rows, (rank + 1) * most)) if mode == "dmp" else (0, rows)
    weights = 4 * 64 * (end - first)
    states = 4 * (end - first) if mode == "dmp" and table == "item" else 2 * weights
    spans = {"rows": [first, end], "columns": [0, 64]}
    return {"rank": rank, **spans, "weight_bytes": weights, "optimiser_bytes": states}


def _noise(seed: str, epoch: int) -> float:
    return random.Random(f"{seed} {epoch}").uniform(-1, 1)


def _ndcg(seed: str, epoch: int) -> float:
    return 0.152 * (1 - math.exp(-(epoch + 1) / 5)) + 0.0035 * _noise(seed, epoch)


def _metrics(ndcg: float) -> dict[str, float]:
    values = {f"recall@{k}": min(0.99, ndcg * 0.62 * (k + 1) ** 0.48) for k in KS}
    values |= {f"precision@{k}": values[f"recall@{k}"] / k for k in KS}
    values |= {f"ndcg@{k}": ndcg * (0.45 + 0.24 * math.log(k + 1) / math.log(11) * 2.3) for k in KS}
    return {**values, "ndcg@10": ndcg, "mrr": ndcg * 0.84}


def _intervals(ndcg: float) -> dict[str, dict[str, float]]:
    return {
        name: {"value": value, "low": value * 0.96, "high": value * 1.04, "n": 6040, "se": value * 0.02}
        for name, value in _metrics(ndcg).items()
    }
