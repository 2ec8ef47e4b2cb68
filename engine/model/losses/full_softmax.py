"""Cross-entropy over all items that computes its gradients on the way forward, one block of the logits at a time.

Any device, float32. `engine.model.cpu.softmax` is the same loss on CPU, with threads and bfloat16.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from engine.model.losses.vocabulary_blocks import blocks_of_items, can_keep, logits_of

LOG2_E = math.log2(math.e)
MIN_ITEMS = 1024  # of a block, so that its products are not all overhead
_LARGEST = 80.0  # e^80 is within float32, and so is its inverse

# the loss, and its gradients by hidden vectors, weights and bias
_Gradients = tuple[Tensor, Tensor, Tensor, Tensor]


def full_softmax(hidden_ND: Tensor, targets_N: Tensor, weights_VD: Tensor, bias_V: Tensor) -> Tensor:
    """Return the sum over the targets of -log softmax(hidden · weights + bias)[target], a scalar.

    targets_N: int64; all others float32. Goes backward once: its gradients are computed going forward, and handed on.
    """
    loss: Tensor = _FullSoftmax.apply(hidden_ND, targets_N, weights_VD, bias_V)
    return loss


class _FullSoftmax(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, hidden_ND: Tensor, targets_N: Tensor, weights_VD: Tensor, bias_V: Tensor) -> Tensor:
        loss, *gradients = _loss_and_gradients(hidden_ND, targets_N, weights_VD, bias_V)
        ctx.save_for_backward(*gradients)
        return loss

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> tuple[Tensor | None, ...]:
        grad_hidden, grad_weights, grad_bias = ctx.saved_tensors
        return (
            grad_hidden.mul_(grad_output),
            None,
            grad_weights.mul_(grad_output),
            grad_bias.mul_(grad_output),
        )


def _loss_and_gradients(
    hidden_ND: Tensor, targets_N: Tensor, weights_VD: Tensor, bias_V: Tensor
) -> _Gradients:
    if not len(hidden_ND):
        return hidden_ND.new_zeros(()), hidden_ND, torch.zeros_like(weights_VD), torch.zeros_like(bias_V)
    blocks = list(blocks_of_items(hidden_ND, weights_VD, MIN_ITEMS))
    if len(blocks) == 1:
        return _at_once(hidden_ND, targets_N, weights_VD, bias_V)
    return _by_blocks(hidden_ND, targets_N, weights_VD, bias_V, blocks)


def _at_once(hidden_ND: Tensor, targets_N: Tensor, weights_VD: Tensor, bias_V: Tensor) -> _Gradients:
    """Where all logits are one block: the fewest calls."""
    target_column = targets_N[:, None]
    logits_NV = torch.addmm(bias_V, hidden_ND, weights_VD.t())
    probabilities_NV = logits_NV.softmax(1)
    # log-sum-exp, from the softmax that is needed anyway: probability = e^(logit - log_sum)
    log_sums_N = logits_NV.amax(1) - probabilities_NV.amax(1).log_()
    loss = log_sums_N.sum() - logits_NV.gather(1, target_column).sum()
    grad_logits_NV = probabilities_NV.scatter_add_(
        1, target_column, probabilities_NV.new_full((len(targets_N), 1), -1.0)
    )
    return (
        loss,
        grad_logits_NV @ weights_VD,
        torch.mm(grad_logits_NV.t(), hidden_ND),
        grad_logits_NV.sum(0),
    )


def _by_blocks(
    hidden_ND: Tensor, targets_N: Tensor, weights_VD: Tensor, bias_V: Tensor, blocks: list[slice]
) -> _Gradients:
    """In two passes over blocks of items: sums of exponentials, then probabilities and what gradients they give."""
    shift_N = largest_logits(hidden_ND, weights_VD, bias_V, norms_of(weights_VD, bias_V))
    scaled_ND, scaled_bias_V = hidden_ND * LOG2_E, bias_V * LOG2_E

    def exponentials_of(block: slice) -> Tensor:
        return exponentials(scaled_ND, weights_VD, scaled_bias_V, block, shift_N)

    sums_N, retained = _sums(exponentials_of, blocks, can_keep(hidden_ND, weights_VD), hidden_ND)
    inverse_N = sums_N.reciprocal()
    inverse_hidden_ND = hidden_ND * inverse_N[:, None]
    grad_hidden_ND = torch.zeros_like(hidden_ND)
    grad_weights_VD, grad_bias_V = torch.empty_like(weights_VD), torch.empty_like(bias_V)
    for block in blocks:
        exponentials_NV = retained.pop(block.start) if retained else exponentials_of(block)
        grad_hidden_ND.addmm_(exponentials_NV, weights_VD[block])
        torch.mm(exponentials_NV.t(), inverse_hidden_ND, out=grad_weights_VD[block])
        torch.mm(inverse_N[None], exponentials_NV, out=grad_bias_V[None, block])
    grad_hidden_ND.mul_(inverse_N[:, None])
    target_weights_ND = weights_VD[targets_N]
    grad_hidden_ND.sub_(target_weights_ND)
    grad_weights_VD.index_add_(0, targets_N, hidden_ND, alpha=-1.0)
    grad_bias_V.index_add_(0, targets_N, torch.ones_like(sums_N), alpha=-1.0)
    log_sums_N = sums_N.log() if shift_N is None else sums_N.log() + shift_N
    scores_N = (hidden_ND * target_weights_ND).sum(1) + bias_V[targets_N]
    return (log_sums_N - scores_N).sum(), grad_hidden_ND, grad_weights_VD, grad_bias_V


def _sums(
    exponentials_of: Callable[[slice], Tensor], blocks: list[slice], retain: bool, like: Tensor
) -> tuple[Tensor, dict[int, Tensor]]:
    """Return each row's sum of exponentials, and these by the first item of their block where they are retained."""
    sums_N, retained = like.new_zeros(len(like)), dict[int, Tensor]()
    for block in blocks:
        exponentials_NV = exponentials_of(block)
        sums_N += exponentials_NV.sum(1)
        if retain:
            retained[block.start] = exponentials_NV
    return sums_N, retained


def norms_of(weights_VD: Tensor, bias_V: Tensor) -> tuple[float, float]:
    """Return the largest norm of an item's weights and the largest bias by size, which bound all logits."""
    return float(weights_VD.norm(dim=1).amax()), float(bias_V.abs().amax())


def largest_logits(
    hidden_ND: Tensor, weights_VD: Tensor, bias_V: Tensor, norms: tuple[float, float]
) -> Tensor | None:
    """Return each row's largest logit, (N,), to subtract from all; None where logits are surely small enough without.

    norms: of the weights and biases, as of `norms_of`.
    """
    weight_norm, largest_bias = norms
    bound = float(hidden_ND.norm(dim=1).amax()) * weight_norm + largest_bias + math.log(len(weights_VD))
    if bound < _LARGEST:
        return None
    blocks = blocks_of_items(hidden_ND, weights_VD, MIN_ITEMS)
    largest = [logits_of(hidden_ND, weights_VD, bias_V, block).amax(1) for block in blocks]
    return torch.stack(largest).amax(0)


def exponentials(
    scaled_ND: Tensor, weights_VD: Tensor, scaled_bias_V: Tensor, block: slice, shift_N: Tensor | None
) -> Tensor:
    """Return e^(logit - shift) of the block's items, (N, V), where hidden vectors and biases come times log2(e).

    torch's 2^x takes a third of the time of its e^x on CPU (0.28 against 0.82 ns per number, AVX-512, float32).
    """
    logits_NV = logits_of(scaled_ND, weights_VD, scaled_bias_V, block)
    return (logits_NV if shift_N is None else logits_NV.sub_(shift_N[:, None], alpha=LOG2_E)).exp2_()
