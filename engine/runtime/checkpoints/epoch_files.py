"""Epoch checkpoints: one plain `.pth` file per epoch, which one is best, and safe reading."""

from __future__ import annotations

import pickle
import re
import time
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from engine.contract import run_folder
from engine.contract.atomic_files import read_json, replacing, write_json
from engine.contract.config.experiment import Experiment
from engine.contract.errors import B4RError
from engine.data.dataset import Dataset
from engine.runtime.best_epoch import EpochSelection
from engine.runtime.checkpoints.write_errors import write_errors_as_b4r

EPOCH_FILE = re.compile(r"epoch_(\d+)_model\.pth")


@dataclass(frozen=True)
class LoadedCheckpoint:
    """The contents of a checkpoint: plain weights by name, epoch, and what it was trained on."""

    weights: dict[str, Tensor]
    epoch: int
    item_ids: list[str]
    split_fingerprint: str


class EpochFiles:
    """The epoch checkpoints in a run's checkpoint folder."""

    def __init__(self, run_dir: Path, experiment: Experiment) -> None:
        root = experiment.training.export_root
        self.run_dir = run_dir
        self.folder = (
            Path(root) / experiment.name / run_dir.name if root else run_dir / run_folder.CHECKPOINTS
        )
        self._keep = experiment.training.keep_checkpoints

    def path(self, epoch: int) -> Path:
        """Return the file of an epoch, counted from 0."""
        return self.folder / run_folder.epoch_checkpoint(epoch)

    def shown(self, path: Path) -> str:
        """Return `path` as events show it: relative to the run folder if it is inside."""
        return str(path.relative_to(self.run_dir)) if path.is_relative_to(self.run_dir) else str(path)

    def save(self, epoch: int, weights: dict[str, Tensor], dataset: Dataset) -> tuple[Path, int, float]:
        """Write an epoch's weights with the ids of its items; return path, bytes and seconds.

        Raises B4RError if the file cannot be written.
        """
        start = time.monotonic()
        content = {
            "model": weights,
            "epoch": epoch,
            "item_ids": dataset.item_ids.tolist(),
            "split_fingerprint": dataset.split_fingerprint,
        }
        path = self.path(epoch)
        with write_errors_as_b4r(path):
            self.folder.mkdir(parents=True, exist_ok=True)
            with replacing(path) as file:
                torch.save(content, file)
        return path, path.stat().st_size, time.monotonic() - start

    def mark_best(self, epoch: int, metric: str, value: float) -> None:
        """Record the best epoch so far."""
        write_json(self.folder / run_folder.BEST, {"epoch": epoch, "metric": metric, "value": value})

    def prune(self) -> None:
        """Delete the oldest epoch files beyond `keep_checkpoints`, but never the best one."""
        best = self.best_epoch()
        old = sorted(epoch for epoch in self._epochs() if epoch != best)
        for epoch in old[: -self._keep] if self._keep else []:
            self.path(epoch).unlink(missing_ok=True)

    def roll_back_to(self, epoch: int, selection: EpochSelection) -> None:
        """Delete files of `epoch` and later, left by an interrupted attempt, and restore best.json."""
        for later in (each for each in self._epochs() if each >= epoch):
            self.path(later).unlink(missing_ok=True)
        if selection.best.epoch >= 0:
            self.mark_best(selection.best.epoch, selection.metric, selection.best.value)
        else:
            (self.folder / run_folder.BEST).unlink(missing_ok=True)

    def best_epoch(self) -> int | None:
        """Return the epoch that best.json names, if the file exists."""
        best = read_json(self.folder / run_folder.BEST)
        return int(best["epoch"]) if best else None

    def resolve(self, pth: str) -> Path:
        """Return the file that `best`, `last`, a file name in the folder, or a path means. Raises B4RError."""
        epochs = self._epochs()
        if pth == "best" and (best := self.best_epoch()) is not None:
            return self.path(best)
        if pth in ("best", "last") and epochs:
            return self.path(max(epochs))
        path = self.folder / pth if (self.folder / pth).is_file() else Path(pth)
        if path.is_file():
            return path
        raise B4RError(
            f"evaluation.pth: no checkpoint '{pth}' in {self.folder}; use best, last, a file name or a path"
        )

    def _epochs(self) -> list[int]:
        names = (EPOCH_FILE.fullmatch(path.name) for path in self.folder.glob("epoch_*_model.pth"))
        return [int(match[1]) for match in names if match]


def read_checkpoint(path: Path) -> LoadedCheckpoint:
    """Read a checkpoint without running code that it may contain. Raises B4RError if it is not a valid one."""
    try:
        content: Any = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
        return LoadedCheckpoint(
            content["model"], int(content["epoch"]), content["item_ids"], content["split_fingerprint"]
        )
    except OSError as error:
        raise B4RError(f"{path}: {error.strerror or error}; name a checkpoint file") from error
    except (pickle.UnpicklingError, RuntimeError, zipfile.BadZipFile, EOFError, KeyError, TypeError) as error:
        raise B4RError(f"{path}: not a checkpoint of this program, or damaged; use another") from error


def check_fits(checkpoint: LoadedCheckpoint, path: Path, weights: dict[str, Any], dataset: Dataset) -> None:
    """Raise B4RError unless the checkpoint matches the model's sizes and the data set's items."""
    for name, tensor in weights.items():
        saved = checkpoint.weights.get(name)
        if saved is None or tuple(saved.shape) != tuple(tensor.size()):
            sizes = "nothing" if saved is None else str(list(saved.shape))
            raise B4RError(
                f"{path}: contains {sizes} for {name}, but this experiment has {list(tensor.size())}; "
                "use the settings and data it was trained with"
            )
    if checkpoint.item_ids != dataset.item_ids.tolist():
        raise B4RError(f"{path}: was trained on other items than the data contain; use its own data set")
