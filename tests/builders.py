"""Builds small data sets and experiments for tests."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tomlkit

from engine.contract.config.experiment import Experiment
from engine.data.dataset import Dataset


def dataset_of(
    histories: Sequence[Sequence[int]], num_items: int, starts: Sequence[tuple[int, int]] | None = None
) -> Dataset:
    """Return a data set in which user u interacted with the items histories[u], in that order.

    starts: where validation and test start in each history; default: leave-two-out.
    """
    lengths = [len(history) for history in histories]
    cuts = starts or [(n - 2, n - 1) if n >= 3 else (n, n) for n in lengths]
    offsets = np.cumsum([0, *lengths])
    return Dataset(
        name="tiny",
        items=np.array([item for history in histories for item in history], np.int32),
        offsets=offsets,
        validation_starts=offsets[:-1] + [validation for validation, _ in cuts],
        test_starts=offsets[:-1] + [test for _, test in cuts],
        user_ids=np.array([f"user {u}" for u in range(len(histories))]),
        item_ids=np.array([f"item {i}" for i in range(num_items)]),
        data_fingerprint="0" * 16,
        split_fingerprint="0" * 16,
        funnel=(),
    )


def experiment_of(**groups: dict[str, Any]) -> Experiment:
    """Return a small synthetic experiment; groups override its settings, such as training={"lr": 0.1}."""
    settings: dict[str, dict[str, Any]] = {
        "data": {
            "dataset_name": "synthetic",
            "random_user_count": 60,
            "random_item_count": 40,
            "random_size": 900,
        },
        "model": {"max_len": 12, "emb_dim": 16, "nhead": 2, "num_layers": 2},
        "training": {"num_epochs": 2, "train_batch_size": 32, "dupe_factor": 1, "mask_prob": 0.3},
        "evaluation": {"metric_ks": [1, 5, 10], "protocols": ["full", "popular-10"]},
        "launch": {"gpu": 0},
    }
    for name, changed in groups.items():
        settings[name] = settings.get(name, {}) | changed
    return Experiment.model_validate({"name": "tiny", **settings})


def write_run_config(run_dir: Path, experiment: Experiment) -> None:
    """Turn a folder into a run folder of `experiment`."""
    run_dir.mkdir(parents=True, exist_ok=True)
    (run_dir / "config.toml").write_text(tomlkit.dumps(experiment.model_dump(exclude_none=True)))
