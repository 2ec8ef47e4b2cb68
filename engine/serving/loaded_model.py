"""A run's checkpoint as a plain model on the CPU, with what its item indices mean."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from engine.contract.config.experiment import Experiment
from engine.contract.errors import B4RError
from engine.data.dataset import Dataset
from engine.runtime.checkpoints.epoch_files import Checkpoints, read_checkpoint
from engine.serving.padded_bert4rec import PlainBERT4Rec


@dataclass(frozen=True, eq=False)
class Trained:
    """The model with a checkpoint's weights. checkpoint: the file as people are told; item_ids: by index."""

    model: PlainBERT4Rec
    experiment: Experiment
    path: Path
    checkpoint: str
    epoch: int
    item_ids: list[str]
    split_fingerprint: str

    @property
    def longest(self) -> int:
        """Items of a history that the model takes; a mask token stands behind them."""
        return self.experiment.model.max_len - 1

    def check_items(self, dataset: Dataset) -> None:
        """Raise B4RError unless `dataset` has the items that the model was trained on."""
        if self.item_ids != dataset.item_ids.tolist():
            raise B4RError(
                f"{self.path}: was trained on other items than these data hold; ask with --history instead of users"
            )


def load_trained(run_dir: Path, experiment: Experiment, pth: str) -> Trained:
    """The checkpoint that `pth` means. Raises B4RError where there is none or it is not of these settings."""
    checkpoints = Checkpoints(run_dir, experiment)
    path = checkpoints.resolve(pth)
    found = read_checkpoint(path)
    model = PlainBERT4Rec(len(found.item_ids), experiment.model)
    _check_sizes(path, model.state_dict(), found.weights)
    model.load_state_dict(found.weights, assign=True)
    shown, ids = checkpoints.shown(path), found.item_ids
    return Trained(
        model.requires_grad_(False).eval(), experiment, path, shown, found.epoch, ids, found.split_fingerprint
    )


def _check_sizes(path: Path, wanted: dict[str, Tensor], found: dict[str, Tensor]) -> None:
    for name in dict.fromkeys([*wanted, *found]):
        sizes = [list(side[name].shape) if name in side else "nothing" for side in (found, wanted)]
        if sizes[0] != sizes[1]:
            raise B4RError(
                f"{path}: holds {sizes[0]} for {name}, but this run's settings ask for {sizes[1]}; name a checkpoint "
                "of this run"
            )
