"""Recommenders without parameters, to stand beside a model's numbers."""

from __future__ import annotations

import numpy as np
import torch

from engine.data.dataset import Dataset
from engine.evaluation.evaluator import Scorer


def popularity_scorer(dataset: Dataset) -> Scorer:
    """Scores each item by its number of training interactions, the same for all users."""
    popularity = torch.from_numpy(dataset.popularity.astype(np.float64))  # exact, unlike float32

    def score(users: np.ndarray) -> torch.Tensor:
        return popularity.repeat(len(users), 1)

    return score
