"""Loads a run's checkpoint into a model on the CPU, with the ids of its items."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from engine.contract.config.experiment import Experiment
from engine.contract.errors import B4RError
from engine.data.dataset import Dataset
from engine.runtime.checkpoints.epoch_files import EpochFiles, read_checkpoint
from engine.serving.padded_bert4rec import PlainBERT4Rec


@dataclass(frozen=True, eq=False)
class LoadedModel:
    """A model with a checkpoint's weights. checkpoint: the file as shown to users; item_ids: by index."""

    model: PlainBERT4Rec
    experiment: Experiment
    path: Path
    checkpoint: str
    epoch: int
    item_ids: list[str]
    split_fingerprint: str

    @property
    def longest(self) -> int:
        """Items of a history that the model accepts; the mask token follows them."""
        return self.experiment.model.max_len - 1

    def check_items(self, dataset: Dataset) -> None:
        """Raise B4RError unless `dataset` has the items that the model was trained on."""
        if self.item_ids != dataset.item_ids.tolist():
            raise B4RError(
                f"{self.path}: was trained on other items than the data contain; use --history instead of users"
            )


def load_model(run_dir: Path, experiment: Experiment, pth: str) -> LoadedModel:
    """Load the checkpoint that `pth` names. Raises B4RError if it does not exist or fit the settings."""
    checkpoints = EpochFiles(run_dir, experiment)
    path = checkpoints.resolve(pth)
    checkpoint = read_checkpoint(path)
    model = PlainBERT4Rec(len(checkpoint.item_ids), experiment.model)
    _check_sizes(path, model.state_dict(), checkpoint.weights)
    model.load_state_dict(checkpoint.weights, assign=True)
    return LoadedModel(
        model.requires_grad_(False).eval(),
        experiment,
        path,
        checkpoints.shown(path),
        checkpoint.epoch,
        checkpoint.item_ids,
        checkpoint.split_fingerprint,
    )


def _check_sizes(path: Path, expected: dict[str, Tensor], saved: dict[str, Tensor]) -> None:
    for name in dict.fromkeys([*expected, *saved]):
        sizes = [list(side[name].shape) if name in side else "nothing" for side in (saved, expected)]
        if sizes[0] != sizes[1]:
            raise B4RError(
                f"{path}: contains {sizes[0]} for {name}, but this run's settings require {sizes[1]}; use a "
                "checkpoint of this run"
            )
