"""Measures a model on held-out items: users are dealt out to the ranks, their ranks of the target gathered."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from engine.config import Experiment
from engine.data.dataset import Dataset, Phase
from engine.data.loader import evaluation_batch
from engine.distributed.group import Group
from engine.distributed.parallel import ParallelModel
from engine.evaluation.baselines import popularity_scorer
from engine.evaluation.evaluator import Evaluator, Scorer
from engine.evaluation.user_ranks import UserRanks, concatenate

RanksByProtocol = dict[str, UserRanks]
OnBatch = Callable[[int, int], None]


class Measure:
    """Ranks of every evaluated user's held-out item, each user exactly once whatever the world size."""

    def __init__(self, dataset: Dataset, experiment: Experiment, group: Group) -> None:
        self._dataset, self._group = dataset, group
        self._max_len, self._config = experiment.model.max_len, experiment.evaluation
        self.evaluator = Evaluator(dataset, experiment.evaluation.protocols, experiment.data.seed)

    def model(self, model: ParallelModel, phase: Phase, on_batch: OnBatch | None = None) -> RanksByProtocol:
        """Ranks the model gives, whole on rank 0 and empty elsewhere. A collective. phase: validate or test."""
        model.core.eval()
        return self._rank(phase, ModelScorer(model, self._dataset, phase, self._max_len), on_batch)

    def popularity(self, phase: Phase) -> RanksByProtocol:
        """Ranks by training popularity, whole on rank 0 and empty elsewhere. A collective."""
        return self._rank(phase, popularity_scorer(self._dataset), None)

    @torch.no_grad()
    def _rank(self, phase: Phase, scorer: Scorer, on_batch: OnBatch | None) -> RanksByProtocol:
        everyone = self._dataset.evaluated_users(phase)
        users = everyone[self._group.rank :: self._group.world_size]
        size = self._config.val_batch_size if phase == "validate" else self._config.test_batch_size
        most = -(-len(everyone) // self._group.world_size)
        mine = self.evaluator.rank(phase, scorer, users, size, batches=-(-most // size), on_batch=on_batch)
        return _merged(self._group.gather(mine))


class ModelScorer:
    """Scores of all items for users' next interaction: (users,) indices → (users, num_items) float."""

    def __init__(self, model: ParallelModel, dataset: Dataset, phase: Phase, max_len: int) -> None:
        self._model, self._dataset, self._phase, self._max_len = model, dataset, phase, max_len

    def __call__(self, users: np.ndarray) -> Tensor:
        """Score a batch; with no users the model still runs, since in dmp all ranks must take part."""
        asked = users if len(users) else self._dataset.evaluated_users(self._phase)[:1]
        batch = evaluation_batch(self._dataset, asked, self._phase, self._max_len).to(
            self._model.group.device
        )
        return self._model.core(batch.items, batch.lengths, batch.positions)[: len(users)]


def _merged(parts: Sequence[RanksByProtocol]) -> RanksByProtocol:
    """The ranks' shares put together in user order, so that sums do not depend on the number of ranks."""
    if not parts:
        return {}
    return {
        protocol: concatenate([part[protocol] for part in parts]).in_user_order() for protocol in parts[0]
    }
