"""Generalised binary cross-entropy: sampled negatives without the overconfidence they bring."""

from __future__ import annotations

import math

from torch import Tensor
from torch.nn import functional

from engine.model.losses.shared_scores import SharedScores


def gbce(scores: SharedScores, beta: float) -> Tensor:
    """Return the sum over the targets of -(beta · log σ(s) + sum over K negatives of log(1 - σ(s_j))) / (K + 1).

    Petrov & Macdonald, RecSys 2023 (arXiv 2308.07192). Stable for scores of any size.
    """
    positive = beta * functional.logsigmoid(scores.targets)
    negative = functional.logsigmoid(-scores.negatives).sum(1)
    return -(positive + negative).sum() / (scores.negatives.shape[1] + 1)


def calibrated_beta(negatives: int, num_items: int, t: float) -> float:
    """Return the power of the target's probability: alpha · (t · (1 - 1/alpha) + 1/alpha), alpha = negatives/(V - 1).

    t = 0 gives 1, plain binary cross-entropy; t = 1 gives alpha, which undoes all of the sampling's overconfidence.
    """
    alpha = negatives / (num_items - 1)
    return alpha * (t * (1 - 1 / alpha) + 1 / alpha)


def prior_score(beta: float, negatives: int) -> float:
    """Return the best score of all items while nothing is known about them: log(beta / negatives).

    An item is a target, with weight beta, once for every `negatives` times that it is a negative, so σ of its best
    score is beta / (beta + negatives). Biases that start there spare the first steps, which otherwise only push
    all scores down and make all items' vectors alike (Lin et al., ICCV 2017, section 3.3).
    """
    return math.log(beta / negatives)
