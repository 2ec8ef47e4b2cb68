"""Exports a model as one torch file, which only torch and `engine.serving.padded_bert4rec` are needed to use."""

from __future__ import annotations

from pathlib import Path
from typing import IO, Any

import torch

from engine.contract.config.model import ModelConfig
from engine.contract.errors import B4RError, ExitCode
from engine.serving.export_check_inputs import histories_to_try
from engine.serving.loaded_model import LoadedModel
from engine.serving.padded_bert4rec import PlainBERT4Rec


def write_plain(file: IO[bytes], trained: LoadedModel) -> None:
    """Write weights by name, item ids by index, and the model's settings; reading the file runs no code."""
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
    """Read the model of an exported file, ready to score, and the item ids by index."""
    content: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    model = PlainBERT4Rec(len(content["item_ids"]), ModelConfig.model_validate(content["config"]))
    model.load_state_dict(content["model"])
    return model.requires_grad_(False).eval(), content["item_ids"]


def check_plain(file: IO[bytes], trained: LoadedModel) -> dict[str, Any]:
    """Read the file back and compare scores, which must be bit-identical. Raises B4RError."""
    file.seek(0)
    model, _ = read_plain(file)
    batches = histories_to_try(trained)
    if not all(torch.equal(model(batch), trained.model(batch)) for batch in batches):
        raise B4RError(
            "the exported model's scores differ from the checkpoint's; nothing was written",
            ExitCode.RUN_FAILED,
        )
    shapes = [list(batch.shape) for batch in batches]
    return {"against": "the file read back", "shapes": shapes, "difference": 0.0, "allowed": 0.0}
