"""Defines the three training configurations, and writes the same training windows in each library's format."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from engine.contract.config.experiment import Experiment
from engine.data.dataset import Dataset
from engine.data.ragged import take_ranges
from engine.data.windows import Windows, cut_windows

MAX_WINDOWS = 50_000  # for peers, drawn at random: preparing more is not training
DUPE_FACTOR = {"A": 50, "B": 5, "C": 50}  # ours; makes epochs so long that no validation interrupts training


@dataclass(frozen=True)
class Configuration:
    """A data set and the size of the model; sizes as in `ModelConfig` and `TrainingConfig`."""

    name: str
    title: str
    dataset_name: str
    file: str  # below the folder of data sets
    max_len: int
    emb_dim: int
    batch: int
    num_layers: int = 2
    nhead: int = 2
    mask_prob: float = 0.2
    dropout: float = 0.1
    goal: float = 1.0  # times the best peer

    def settings(self) -> dict[str, Any]:
        """Return what the peers' programs read."""
        names = ("max_len", "emb_dim", "batch", "num_layers", "nhead", "mask_prob", "dropout")
        return {name: getattr(self, name) for name in names}

    def experiment(self, data: Path, threads: int, precision: str = "fp32") -> Experiment:
        """Return our experiment on the CPU, with defaults for all other settings."""
        return Experiment.model_validate(
            {
                "name": f"train-{self.name}",
                "data": {"dataset_name": self.dataset_name, "dataset_path": str(data / self.file)},
                "model": {
                    "max_len": self.max_len,
                    "emb_dim": self.emb_dim,
                    "num_layers": self.num_layers,
                    "nhead": self.nhead,
                    "dropout": self.dropout,
                },
                "training": {
                    "mask_prob": self.mask_prob,
                    "train_batch_size": self.batch,
                    "dupe_factor": DUPE_FACTOR[self.name],
                    "precision": precision,
                },
                "evaluation": {"protocols": ["full"]},
                "launch": {"gpu": 0, "threads": threads},
            }
        )


CONFIGURATIONS = {
    "A": Configuration(
        "A", "ML-1M, L 200, d 64, batch 128", "ml-1m", "ml-1m/ratings.dat", 200, 64, 128, goal=5
    ),
    "B": Configuration("B", "ML-1M, L 16, d 128, batch 8", "ml-1m", "ml-1m/ratings.dat", 16, 128, 8, goal=4),
    "C": Configuration(
        "C", "Beauty, L 50, d 64, batch 128", "csv", "beauty/beauty.txt", 50, 64, 128, goal=25
    ),
}


def sample_windows(dataset: Dataset, max_len: int) -> Windows:
    """Return all our training windows, or a random MAX_WINDOWS of them for the peers."""
    windows = cut_windows(dataset, max_len)
    if len(windows) <= MAX_WINDOWS:
        return windows
    chosen = np.sort(np.random.default_rng(0).choice(len(windows), MAX_WINDOWS, replace=False))
    return Windows(windows.starts[chosen], windows.ends[chosen])


def write_rows(path: Path, dataset: Dataset, windows: Windows) -> None:
    """Write RecTools' `users` and `items`, (rows,) each, where every window is a separate user."""
    lengths = windows.ends - windows.starts
    users = np.repeat(np.arange(len(windows)), lengths)
    np.savez(path, users=users, items=take_ranges(dataset.items, windows.starts, lengths))


def write_inter(
    path: Path, users: Sequence[Any], histories: Sequence[Sequence[int]], targets: Sequence[int]
) -> None:
    """Write RecBole's `.inter` file: per line a prepared sequence and the item after it."""
    frame = pd.DataFrame(
        {
            "user_id:token": users,
            "item_id_list:token_seq": [" ".join(map(str, history)) for history in histories],
            "item_id:token": targets,
        }
    )
    frame.to_csv(path, sep="\t", index=False)


def write_windows_for_recbole(folder: Path, dataset: Dataset, windows: Windows) -> None:
    """Write `windows.train.inter`, and `windows.rest.inter`, which puts every item into the vocabulary.

    RecBole does not train on the item after the sequence, which here is the sequence's first.
    """
    folder.mkdir(parents=True, exist_ok=True)
    histories = [
        dataset.items[start:end].tolist() for start, end in zip(windows.starts, windows.ends, strict=True)
    ]
    firsts = [history[0] for history in histories]
    write_inter(folder / "windows.train.inter", range(len(histories)), histories, firsts)
    items = range(dataset.num_items)
    write_inter(folder / "windows.rest.inter", [0] * len(items), [[item] for item in items], items)


def write_ratings(path: Path, dataset: Dataset) -> None:
    """Write TorchRec's data set in the format of MovieLens 1M, with ascending timestamps."""
    users = np.repeat(np.arange(dataset.num_users), dataset.lengths)
    rows = (
        f"{user}::{item}::5::{time}\n"
        for time, (user, item) in enumerate(zip(users.tolist(), dataset.items.tolist(), strict=True))
    )
    path.write_text("".join(rows))


def write_settings(folder: Path, configuration: Configuration) -> None:
    """Write `settings.json` for the peers' programs."""
    (folder / "settings.json").write_text(json.dumps(configuration.settings()))
