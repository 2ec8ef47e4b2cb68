"""Interface to what computes a training step, and its reference implementation by autograd."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

from engine.data.loader import Batch
from engine.model.bert4rec import BERT4Rec
from engine.model.losses.full_softmax import full_softmax


class StepKernels(Protocol):
    """Computes what takes most of a step. Not a module: it has no parameters, and no part in state_dict, DDP or DMP."""

    def encode(self, model: BERT4Rec, batch: Batch) -> Tensor:
        """Return the float32 hidden vectors at the batch's targets, (N, D), for a loss to go backward through once."""

    def full_softmax(self, model: BERT4Rec, batch: Batch, weight: float) -> Tensor:
        """Return `weight` times the summed full-softmax loss of the batch, a float32 scalar to go backward from once.

        Apart from `encode`, since a kernel may compute loss and gradients together, without all hidden vectors at a
        time.
        """


class AutogradKernels:
    """The reference: the model as it is written, differentiated by torch. For CUDA, and what tests compare with.

    dtype: float32, or bfloat16 for autocast.
    """

    def __init__(self, dtype: torch.dtype = torch.float32) -> None:
        self.dtype = dtype

    def encode(self, model: BERT4Rec, batch: Batch) -> Tensor:
        """Return the hidden vectors at the batch's targets."""
        autocasts = self.dtype == torch.bfloat16
        with torch.autocast(batch.items.device.type, torch.bfloat16, enabled=autocasts):
            return model.encode(batch.items, batch.lengths, batch.positions).float()

    def full_softmax(self, model: BERT4Rec, batch: Batch, weight: float) -> Tensor:
        """Return the full-softmax loss of the encoded batch; a collective where the output layer is sharded."""
        loss = full_softmax if model.part is None else model.part.full_softmax
        hidden_ND = self.encode(model, batch)
        return loss(hidden_ND, batch.targets, model.item_weights, model.output_bias) * weight
