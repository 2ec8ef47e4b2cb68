"""The training step on CPU: the door into this folder."""

from __future__ import annotations

import torch
from torch import Tensor

from engine.data.loader import Batch
from engine.model.bert4rec import BERT4Rec
from engine.model.cpu.chunked_loss import chunked_full_softmax
from engine.model.cpu.encoder import encode
from engine.model.cpu.gradient_buffers import GradientBuffers
from engine.model.kernels import AutogradKernels


class CpuKernels(AutogradKernels):
    """Gradients written out, chunks on threads of their own, memory that is used again; as the reference otherwise.

    One instance per model: it holds buffers for the model's gradients.
    """

    def __init__(self, dtype: torch.dtype = torch.float32) -> None:
        super().__init__(dtype)
        self._buffers = GradientBuffers()

    def encode(self, model: BERT4Rec, batch: Batch) -> Tensor:
        """Return the hidden vectors at the batch's targets."""
        return encode(model, batch.items, batch.lengths, batch.positions, self.dtype)

    def full_softmax(self, model: BERT4Rec, batch: Batch, weight: float) -> Tensor:
        """Return the full-softmax loss, by chunks unless the output layer is sharded."""
        if model.part is not None:  # all ranks have to meet in the softmax, so it cannot go by chunks
            return super().full_softmax(model, batch, weight)
        return chunked_full_softmax(model, batch, weight, self.dtype, self._buffers)
