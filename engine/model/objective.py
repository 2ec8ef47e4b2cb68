"""The model together with its loss: what is wrapped for several ranks and called once a step."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from engine.contract.config.training import TrainingConfig
from engine.data.loader import Batch
from engine.data.training_negatives import negative_count
from engine.model.bert4rec import BERT4Rec
from engine.model.cpu.chunked_loss import full_softmax_by_pieces
from engine.model.cpu.encoder import encode
from engine.model.cpu.gradient_buffers import Room
from engine.model.losses.full_softmax import full_softmax
from engine.model.losses.gbce import calibrated_beta, gbce, prior_score
from engine.model.losses.sampled_softmax import sampled_softmax
from engine.model.losses.shared_scores import shared_scores


class Objective(nn.Module):
    """Summed loss of a batch. The output layer takes part in `forward`, so that its gradients are synchronised.

    first_bias: what the biases of all items should be at birth.
    """

    def __init__(self, model: BERT4Rec, config: TrainingConfig) -> None:
        super().__init__()
        self.model = model
        self._room = Room()
        self._half = config.precision == "bf16"
        self._loss = config.loss
        self.first_bias = 0.0
        if config.loss == "gbce":
            negatives = negative_count(config, model.num_items)
            self._beta = calibrated_beta(negatives, model.num_items, config.calibration)
            self.first_bias = prior_score(self._beta, negatives)

    def forward(self, batch: Batch, weight: float = 1.0) -> Tensor:
        """`weight` times the sum over the targets of the batch, a float32 scalar; 0 where there are none."""
        if self._loss == "full" and self.model.part is None and batch.items.device.type == "cpu":
            return full_softmax_by_pieces(self.model, batch, weight, self._half, self._room)
        return self._loss_of(self._hidden(batch), batch) * weight

    def _hidden(self, batch: Batch) -> Tensor:
        device = batch.items.device.type
        if device == "cpu":
            return encode(self.model, batch.items, batch.lengths, batch.positions, self._half)
        with torch.autocast(device, torch.bfloat16, enabled=self._half):
            return self.model.encode(batch.items, batch.lengths, batch.positions).float()

    def _loss_of(self, hidden: Tensor, batch: Batch) -> Tensor:
        model = self.model
        if self._loss == "full":
            loss = full_softmax if model.part is None else model.part.full_softmax
            return loss(hidden, batch.targets, model.item_weights, model.output_bias)
        scores = shared_scores(model, hidden, batch)
        if self._loss == "gbce":
            return gbce(scores, self._beta)
        return sampled_softmax(scores, batch.log_counts)
