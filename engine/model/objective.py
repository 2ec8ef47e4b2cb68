"""The model together with its loss: what is wrapped for several ranks and called once per step."""

from __future__ import annotations

from torch import Tensor, nn

from engine.contract.config.training import TrainingConfig
from engine.data.loader import Batch
from engine.data.training_negatives import negative_count
from engine.model.bert4rec import BERT4Rec
from engine.model.kernels import StepKernels
from engine.model.losses.gbce import calibrated_beta, gbce, prior_score
from engine.model.losses.sampled_softmax import sampled_softmax
from engine.model.losses.shared_scores import shared_scores


class Objective(nn.Module):
    """Summed loss of a batch. The output layer takes part in `forward`, so that its gradients are synchronised.

    first_bias: the initial bias of all items.
    """

    def __init__(self, model: BERT4Rec, config: TrainingConfig, kernels: StepKernels) -> None:
        super().__init__()
        self.model = model
        self._kernels = kernels
        self._loss = config.loss
        self.first_bias = 0.0
        if config.loss == "gbce":
            negatives = negative_count(config, model.num_items)
            self._beta = calibrated_beta(negatives, model.num_items, config.calibration)
            self.first_bias = prior_score(self._beta, negatives)

    def forward(self, batch: Batch, weight: float = 1.0) -> Tensor:
        """Return `weight` times the sum over the targets of the batch, a float32 scalar; 0 where there are none."""
        if self._loss == "full":
            return self._kernels.full_softmax(self.model, batch, weight)
        scores = shared_scores(self.model, self._kernels.encode(self.model, batch), batch)
        loss = gbce(scores, self._beta) if self._loss == "gbce" else sampled_softmax(scores, batch.log_counts)
        return loss * weight
