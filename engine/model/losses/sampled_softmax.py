"""Softmax over the target and a sample of the other items."""

from __future__ import annotations

import torch
from torch import Tensor

from engine.model.losses.shared_scores import SharedScores


def sampled_softmax(scores: SharedScores, log_counts: Tensor) -> Tensor:
    """Return the sum over the targets of -log(e^s / (e^s + sum over negatives j of e^(s_j - log_counts_j))), a scalar.

    log_counts: (negatives,) log of each negative's expected count in the sample (the logQ correction: Bengio
    & Senécal, IEEE TNN 2008; Yi et al., RecSys 2019). The target is always in it, so it is not corrected (Blanc &
    Rendle, ICML 2018): the expected sum is then that over all items.
    """
    choices = torch.cat((scores.targets[:, None], scores.negatives - log_counts), dim=1)
    return (torch.logsumexp(choices, dim=1) - scores.targets).sum()
