"""Cross-entropy over all items that makes its gradients on the way and holds no more than a block of the logits."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from engine.model.losses.blocks import blocks_of_items, can_keep, logits_of

_LEAST_ITEMS = 2048  # of a block, so that its products are not all overhead
_LARGEST = 80.0  # e^80 is within float32, and so is its inverse


def full_softmax(hidden: Tensor, targets: Tensor, weights: Tensor, bias: Tensor) -> Tensor:
    """Sum over the targets of -log softmax(hidden · weights + bias)[target], a scalar.

    hidden: (targets, width); targets: (targets,) int64; weights: (items, width); bias: (items,), all float32. Goes
    backward once: its gradients are made going forward, and handed on.
    """
    return _FullSoftmax.apply(hidden, targets, weights, bias)


@dataclass(frozen=True)
class SoftmaxGradients:
    """A summed loss, a scalar, and its gradients, each shaped as what it is of."""

    loss: Tensor
    hidden: Tensor
    weights: Tensor
    bias: Tensor


class _FullSoftmax(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, hidden: Tensor, targets: Tensor, weights: Tensor, bias: Tensor) -> Tensor:
        found = softmax_gradients(hidden, targets, weights, bias)
        ctx.save_for_backward(found.hidden, found.weights, found.bias)
        return found.loss

    @staticmethod
    def backward(ctx: Any, above: Tensor) -> tuple[Tensor | None, ...]:
        hidden, weights, bias = ctx.saved_tensors
        return hidden.mul_(above), None, weights.mul_(above), bias.mul_(above)


@torch.no_grad()
def softmax_gradients(hidden: Tensor, targets: Tensor, weights: Tensor, bias: Tensor) -> SoftmaxGradients:
    """Loss and gradients of `full_softmax`, in two passes over blocks of items: sums first, then shares."""
    blocks, shift = list(blocks_of_items(hidden, weights, _LEAST_ITEMS)), _shift(hidden, weights, bias)
    keep = can_keep(hidden, weights)
    total, kept = hidden.new_zeros(len(hidden)), []
    for block in blocks:
        exponentials = _exponentials(hidden, weights, bias, block, shift)
        total += exponentials.sum(1)
        kept += [exponentials] if keep else []
    per_target = total.reciprocal()
    of_hidden, of_weights, of_bias = (
        torch.zeros_like(hidden),
        torch.empty_like(weights),
        torch.empty_like(bias),
    )
    scaled = hidden * per_target[:, None]
    for number, block in enumerate(blocks):
        found = kept[number] if keep else _exponentials(hidden, weights, bias, block, shift)
        of_hidden.addmm_(found, weights[block])
        torch.mm(found.t(), scaled, out=of_weights[block])
        torch.mv(found.t(), per_target, out=of_bias[block])
    of_hidden.mul_(per_target[:, None]).sub_(weights[targets])
    of_weights.index_add_(0, targets, hidden, alpha=-1)
    of_bias.index_add_(0, targets, torch.ones_like(total), alpha=-1)
    scores = (hidden * weights[targets]).sum(1) + bias[targets]
    loss = (total.log() - scores if shift is None else total.log() + shift - scores).sum()
    return SoftmaxGradients(loss, of_hidden, of_weights, of_bias)


def _shift(hidden: Tensor, weights: Tensor, bias: Tensor) -> Tensor | None:
    """Each row's largest logit, (targets,), to subtract from all; None where logits are surely small enough without."""
    if not len(hidden):
        return None
    bound = hidden.norm(dim=1).amax() * weights.norm(dim=1).amax() + bias.abs().amax()
    if float(bound) + math.log(len(weights)) < _LARGEST:
        return None
    blocks = blocks_of_items(hidden, weights, _LEAST_ITEMS)
    return torch.stack([logits_of(hidden, weights, bias, block).amax(1) for block in blocks]).amax(0)


def _exponentials(
    hidden: Tensor, weights: Tensor, bias: Tensor, block: slice, shift: Tensor | None
) -> Tensor:
    logits = logits_of(hidden, weights, bias, block)
    return (logits if shift is None else logits.sub_(shift[:, None])).exp_()
