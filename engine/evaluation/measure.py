"""Measures a model on held-out items: users are divided among processes, and the ranks of targets gathered."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import torch

from engine.contract.config.experiment import Experiment
from engine.contract.ranks.user_ranks import UserRanks, concatenate
from engine.data.dataset import Dataset, Phase
from engine.data.loader import evaluation_batch
from engine.distributed.parallel_model import ParallelModel
from engine.distributed.process_group import ProcessGroup
from engine.distributed.sharded_output import OutputShard
from engine.evaluation.baselines import markov_scorer, popularity_scorer, random_ranks
from engine.evaluation.evaluator import Evaluator
from engine.evaluation.scores import DotScores, Scorer, Scores
from engine.evaluation.sharded_scores import ShardedScores

RanksByProtocol = dict[str, UserRanks]
OnBatch = Callable[[int, int], None]
OnProgress = Callable[[str, int, int], None]  # phase, step, steps


class Measure:
    """Ranks the held-out item of every evaluated user, each exactly once for any world size."""

    def __init__(self, dataset: Dataset, experiment: Experiment, group: ProcessGroup) -> None:
        self._dataset, self._group = dataset, group
        self._max_len, self._config = experiment.model.max_len, experiment.evaluation
        self.evaluator = Evaluator(
            dataset, self._config.protocols, experiment.data.seed, self._config.block_mb
        )

    def model(self, model: ParallelModel, phase: Phase, on_batch: OnBatch | None = None) -> RanksByProtocol:
        """Return the ranks by the model's scores, complete on rank 0 and empty elsewhere. A collective.

        In the test phase `full` includes lists as long as the largest cutoff.
        """
        model.objective.eval()
        return self._rank(phase, ModelScorer(model, self._dataset, phase, self._max_len), on_batch)

    def baselines(self, phase: Phase, on_progress: OnProgress | None = None) -> dict[str, RanksByProtocol]:
        """Return the ranks of random, popularity and markov by name, as in `model`. A collective.

        on_progress: its phase is the name of the baseline.
        """
        ranks = {}
        for name, scorer in (
            ("popularity", popularity_scorer(self._dataset)),
            ("markov", markov_scorer(self._dataset, phase)),
        ):
            ranks[name] = self._rank(phase, scorer, partial(on_progress, name) if on_progress else None)
        return {"random": random_ranks(ranks["popularity"]), **ranks}

    @torch.no_grad()
    def _rank(self, phase: Phase, scorer: Scorer, on_batch: OnBatch | None) -> RanksByProtocol:
        everyone = by_length(self._dataset, self._dataset.evaluated_users(phase))
        users = everyone[self._group.rank :: self._group.world_size]
        size = self._config.val_batch_size if phase == "validate" else self._config.test_batch_size
        most = -(-len(everyone) // self._group.world_size)
        mine = self.evaluator.rank(
            phase,
            scorer,
            users,
            size,
            batches=-(-most // size),
            on_batch=on_batch,
            list_length=max(self._config.metric_ks) if phase == "test" else 0,
        )
        return _merged(self._group.gather(mine))


def by_length(dataset: Dataset, users: np.ndarray) -> np.ndarray:
    """Sort users by the length of their histories: a batch of equal lengths needs no padding."""
    return users[np.argsort(dataset.lengths[users], kind="stable")]


class ModelScorer:
    """Scores users' next interactions, from hidden states that are computed once per batch."""

    def __init__(self, model: ParallelModel, dataset: Dataset, phase: Phase, max_len: int) -> None:
        self._model, self._dataset, self._phase, self._max_len = model, dataset, phase, max_len

    def __call__(self, users: np.ndarray) -> Scores:
        """Score a batch; even without users the model runs, since in dmp all ranks must take part."""
        encoded = users if len(users) else self._dataset.evaluated_users(self._phase)[:1]
        batch = evaluation_batch(self._dataset, encoded, self._phase, self._max_len).to(
            self._model.group.device
        )
        model = self._model.bert4rec
        hidden = model.encode_last(batch.items, batch.lengths)[: len(users)]
        weights, bias = self._model.output_rows()
        if isinstance(model.part, OutputShard):
            return ShardedScores.of_hidden(hidden, weights, bias, model.part.rows, model.part.exchange)
        return DotScores(hidden, weights, bias)


def _merged(parts: Sequence[RanksByProtocol]) -> RanksByProtocol:
    """Merge the processes' shares in user order, so that sums do not depend on the world size."""
    if not parts:
        return {}
    return {
        protocol: concatenate([part[protocol] for part in parts]).in_user_order() for protocol in parts[0]
    }
