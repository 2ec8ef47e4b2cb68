"""Epoch checkpoints: one plain `.pth` an epoch, which one is best, and reading them back safely."""

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
from engine.runtime.best_epoch import Selection
from engine.runtime.checkpoints.write_errors import writing

EPOCH_FILE = re.compile(r"epoch_(\d+)_model\.pth")


@dataclass(frozen=True)
class CheckpointFile:
    """A checkpoint read back: plain weights by name, its epoch, and what it was trained on."""

    weights: dict[str, Tensor]
    epoch: int
    item_ids: list[str]
    split_fingerprint: str


class Checkpoints:
    """The checkpoint folder of a run."""

    def __init__(self, run_dir: Path, experiment: Experiment) -> None:
        root = experiment.training.export_root
        self.run_dir = run_dir
        self.folder = (
            Path(root) / experiment.name / run_dir.name if root else run_dir / run_folder.CHECKPOINTS
        )
        self._keep = experiment.training.keep_checkpoints

    def path(self, epoch: int) -> Path:
        """File of an epoch, counted from 0."""
        return self.folder / run_folder.epoch_checkpoint(epoch)

    def shown(self, path: Path) -> str:
        """`path` as events name it: relative to the run folder where it lies inside."""
        return str(path.relative_to(self.run_dir)) if path.is_relative_to(self.run_dir) else str(path)

    def save(self, epoch: int, weights: dict[str, Tensor], dataset: Dataset) -> tuple[Path, int, float]:
        """Write an epoch's weights with the item ids they belong to. Returns path, bytes and seconds.

        Raises B4RError where it can't be written.
        """
        start = time.monotonic()
        content = {
            "model": weights,
            "epoch": epoch,
            "item_ids": dataset.item_ids.tolist(),
            "split_fingerprint": dataset.split_fingerprint,
        }
        path = self.path(epoch)
        with writing(path):
            self.folder.mkdir(parents=True, exist_ok=True)
            with replacing(path) as file:
                torch.save(content, file)
        return path, path.stat().st_size, time.monotonic() - start

    def mark_best(self, epoch: int, metric: str, value: float) -> None:
        """Record which epoch is best so far, then drop the files that `keep_checkpoints` no longer wants."""
        write_json(self.folder / run_folder.BEST, {"epoch": epoch, "metric": metric, "value": value})

    def prune(self) -> None:
        """Delete the oldest epoch files beyond `keep_checkpoints`, never the best one."""
        best = self.best_epoch()
        old = sorted(epoch for epoch in self._epochs() if epoch != best)
        for epoch in old[: -self._keep] if self._keep else []:
            self.path(epoch).unlink(missing_ok=True)

    def go_back_to(self, epoch: int, selection: Selection) -> None:
        """Forget what an attempt cut short left of `epoch` and later; best.json is what `selection` says."""
        for later in (each for each in self._epochs() if each >= epoch):
            self.path(later).unlink(missing_ok=True)
        if selection.best.epoch >= 0:
            self.mark_best(selection.best.epoch, selection.metric, selection.best.value)
        else:
            (self.folder / run_folder.BEST).unlink(missing_ok=True)

    def best_epoch(self) -> int | None:
        """Epoch that best.json names, if there is one."""
        best = read_json(self.folder / run_folder.BEST)
        return int(best["epoch"]) if best else None

    def resolve(self, pth: str) -> Path:
        """The file meant by `best`, `last`, a file name in the folder, or a path. Raises B4RError if none is."""
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


def read_checkpoint(path: Path) -> CheckpointFile:
    """Read a checkpoint without running any code it may carry. Raises B4RError if it is not one of ours."""
    try:
        content: Any = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
        return CheckpointFile(
            content["model"], int(content["epoch"]), content["item_ids"], content["split_fingerprint"]
        )
    except OSError as error:
        raise B4RError(f"{path}: {error.strerror or error}; name a checkpoint file") from error
    except (pickle.UnpicklingError, RuntimeError, zipfile.BadZipFile, EOFError, KeyError, TypeError) as error:
        raise B4RError(f"{path}: not a checkpoint of this program, or a damaged one; name another") from error


def check_fits(checkpoint: CheckpointFile, path: Path, weights: dict[str, Any], dataset: Dataset) -> None:
    """Raise B4RError unless the checkpoint has this model's sizes and this data set's items."""
    for name, tensor in weights.items():
        found = checkpoint.weights.get(name)
        if found is None or tuple(found.shape) != tuple(tensor.size()):
            sizes = "nothing" if found is None else str(list(found.shape))
            raise B4RError(
                f"{path}: holds {sizes} for {name}, but this experiment has {list(tensor.size())}; "
                "evaluate with the settings and data it was trained on"
            )
    if checkpoint.item_ids != dataset.item_ids.tolist():
        raise B4RError(f"{path}: was trained on other items than these data hold; use its own data set")
