"""A model as one torch file that needs nothing but torch and `engine.serving.padded_bert4rec` to be used again."""

from __future__ import annotations

from pathlib import Path
from typing import IO, Any

import torch

from engine.contract.config.model import ModelConfig
from engine.contract.errors import B4RError, ExitCode
from engine.serving.export_check_inputs import histories_to_try
from engine.serving.loaded_model import Trained
from engine.serving.padded_bert4rec import PlainBERT4Rec


def write_plain(file: IO[bytes], trained: Trained) -> None:
    """Weights by name, item ids by index, and the sizes of the model; nothing that runs code when it is read."""
    config = trained.experiment
    content = {
        "format": "b4r-tui model 1",
        "model": {name: tensor.clone() for name, tensor in trained.model.state_dict().items()},
        "config": config.model.model_dump(),
        "item_ids": trained.item_ids,
        "epoch": trained.epoch,
        "experiment": config.name,
        "dataset": config.data.dataset_name,
        "split_fingerprint": trained.split_fingerprint,
    }
    torch.save(content, file)


def read_plain(path: Path | IO[bytes]) -> tuple[PlainBERT4Rec, list[str]]:
    """The model of an exported file, ready to score, and the item ids by index."""
    content: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    model = PlainBERT4Rec(len(content["item_ids"]), ModelConfig.model_validate(content["config"]))
    model.load_state_dict(content["model"])
    return model.requires_grad_(False).eval(), content["item_ids"]


def check_plain(file: IO[bytes], trained: Trained) -> dict[str, Any]:
    """Read the file back and compare scores, which must be equal to the last bit. Raises B4RError."""
    file.seek(0)
    model, _ = read_plain(file)
    tried = histories_to_try(trained)
    if not all(torch.equal(model(some), trained.model(some)) for some in tried):
        raise B4RError("the written model does not give the scores of the checkpoint", ExitCode.RUN_FAILED)
    shapes = [list(some.shape) for some in tried]
    return {"against": "the file read back", "shapes": shapes, "difference": 0.0, "allowed": 0.0}
