"""Exports a model as an ONNX graph, and compares its scores with torch's."""

from __future__ import annotations

import importlib.util
import json
import logging
import warnings
from typing import IO, Any

import torch

from engine.contract.errors import B4RError, ExitCode
from engine.serving.export_check_inputs import histories_to_try
from engine.serving.loaded_model import LoadedModel
from engine.serving.padded_bert4rec import PADDING

ALLOWED = 1e-4  # difference between a score of onnxruntime and of torch
LARGEST = 2_000_000_000  # bytes of weights; a protobuf file is limited to 2 GiB
INPUT, OUTPUT = "history", "scores"


def check_installed() -> None:
    """Raise B4RError if the optional packages are missing."""
    missing = [
        name for name in ("onnx", "onnxscript", "onnxruntime") if importlib.util.find_spec(name) is None
    ]
    if missing:
        raise B4RError(
            f"--format onnx needs {', '.join(missing)}; run pip install 'b4r-tui[onnx]'",
            ExitCode.ENVIRONMENT,
        )


def write_onnx(file: IO[bytes], trained: LoadedModel) -> None:
    """Write a graph from `history`, (batch, length) int64, to `scores`, (batch, items), for any batch and length.

    The graph's metadata contain the item ids by index, the longest history and the padding. Raises B4RError.
    """
    weights = sum(tensor.nbytes for tensor in trained.model.state_dict().values())
    if weights > LARGEST:
        raise B4RError(f"{weights / 1e9:.1f} GB of weights do not fit into an ONNX file; use --format pth")
    axes = {0: torch.export.Dim.AUTO, 1: torch.export.Dim.AUTO}
    with _silence():
        program = torch.onnx.export(
            trained.model,
            (torch.zeros(2, min(3, trained.longest), dtype=torch.int64),),
            input_names=[INPUT],
            output_names=[OUTPUT],
            dynamic_shapes=(axes,),
            dynamo=True,
            verbose=False,
        )
    assert program is not None, "torch returns no program only if it writes a file itself"
    facts = {"longest": str(trained.longest), "padding": str(PADDING), "epoch": str(trained.epoch)}
    program.model.metadata_props.update(
        facts | {"item_ids": json.dumps(trained.item_ids), "experiment": trained.experiment.name}
    )
    file.write(program.model_proto.SerializeToString())


@torch.inference_mode()
def check_onnx(file: IO[bytes], trained: LoadedModel) -> dict[str, Any]:
    """Compare the file's scores in onnxruntime with torch's. Raises B4RError if they differ too much."""
    import onnxruntime  # optional

    file.seek(0)
    session = onnxruntime.InferenceSession(file.read(), providers=["CPUExecutionProvider"])
    batches, differences = histories_to_try(trained), []
    for batch in batches:
        (scores,) = session.run([OUTPUT], {INPUT: batch.numpy()})
        differences.append(float((torch.from_numpy(scores) - trained.model(batch)).abs().max()))
    difference = max(differences)
    if not difference <= ALLOWED:  # true for NaN, too
        raise B4RError(
            f"onnxruntime's scores differ from torch's by {difference:.1e}, more than {ALLOWED:.0e}; nothing was "
            "written",
            ExitCode.RUN_FAILED,
        )
    shapes = [list(batch.shape) for batch in batches]
    return {"against": "onnxruntime", "shapes": shapes, "difference": difference, "allowed": ALLOWED}


class _silence(warnings.catch_warnings):  # noqa: N801 (used like a function)
    """Suppresses warnings and logs of the exporter, which address its developers."""

    def __enter__(self) -> None:
        super().__enter__()
        warnings.simplefilter("ignore")
        for name in ("torch.onnx", "onnxscript", "onnx_ir"):
            logging.getLogger(name).setLevel(logging.ERROR)
