"""The model together with its loss: what is wrapped for several ranks and called once a step."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from engine.config import TrainingConfig
from engine.data.loader import Batch
from engine.model.bert4rec import BERT4Rec
from engine.model.losses.full import full_softmax


class Objective(nn.Module):
    """Summed loss of a batch. The output layer takes part in `forward`, so that its gradients are synchronised."""

    def __init__(self, model: BERT4Rec, config: TrainingConfig) -> None:
        super().__init__()
        self.model = model
        self._half = config.precision == "bf16"

    def forward(self, batch: Batch) -> Tensor:
        """Sum over the targets of the batch, a float32 scalar; 0 where there are none."""
        with torch.autocast(batch.items.device.type, torch.bfloat16, enabled=self._half):
            hidden = self.model.encode(batch.items, batch.lengths, batch.positions)
        model = self.model
        loss = full_softmax if model.part is None else model.part.full_softmax
        return loss(hidden.float(), batch.targets, model.item_weights, model.output_bias)
