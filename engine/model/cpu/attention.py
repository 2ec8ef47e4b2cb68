"""Attention with dropout for training on CPU, where torch has no fused one, with its gradients written out."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

AttentionVjp = Callable[[Tensor, Tensor, Tensor, Tensor], None]

_softmax_backward = torch.ops.aten._softmax_backward_data.default


def attend(
    query_BQW: Tensor,
    key_BKW: Tensor,
    value_BKW: Tensor,
    bias_B1K: Tensor | None,
    mask_BQK: Tensor | None,
    out_BQW: Tensor,
) -> AttentionVjp:
    """Write (softmax(query · key / √W + bias) * mask) · value to `out_BQW`. Return the vjp.

    bias_B1K: as of `padding_bias`; mask_BQK: dropout's, 0 where a weight is dropped and the scale elsewhere, None to
    drop nothing. All of one dtype. The vjp takes the gradient by the output, and writes those by query, key and
    value to the memory it is given.
    """
    scale, key_BWK = query_BQW.shape[-1] ** -0.5, key_BKW.transpose(1, 2)
    # baddbmm scales and hides padding within the product: no further passes over (B, Q, K)
    added = query_BQW.new_empty(()) if bias_B1K is None else bias_B1K
    scores_BQK = torch.baddbmm(added, query_BQW, key_BWK, beta=0 if bias_B1K is None else 1, alpha=scale)
    weights_BQK = scores_BQK.softmax(-1)

    def vjp(grad_BQW: Tensor, grad_query: Tensor, grad_key: Tensor, grad_value: Tensor) -> None:
        torch.bmm(_masked(weights_BQK, mask_BQK).transpose(1, 2), grad_BQW, out=grad_value)
        grad_weights = torch.bmm(grad_BQW, value_BKW.transpose(1, 2))
        grad_weights = grad_weights if mask_BQK is None else grad_weights.mul_(mask_BQK)
        # of a softmax: weight × (gradient - the row's mean of gradients, weighted by the weights)
        grad_scores = _softmax_backward(grad_weights, weights_BQK, -1, weights_BQK.dtype)
        torch.baddbmm(grad_key, grad_scores.transpose(1, 2), query_BQW, beta=0, alpha=scale, out=grad_key)
        torch.baddbmm(grad_query, grad_scores, key_BKW, beta=0, alpha=scale, out=grad_query)

    # the masked weights are computed twice, not held: (B, Q, K) is the largest tensor of a block
    torch.bmm(_masked(weights_BQK, mask_BQK), value_BKW, out=out_BQW)
    return vjp


def padding_bias(mask_RK: np.ndarray, heads: int, dtype: torch.dtype) -> Tensor | None:
    """Return what to add to scores to hide padding: (B, 1, K), 0 or -inf; None where there is no padding.

    mask_RK: bool, False for padding.
    """
    if mask_RK.all():
        return None
    bias = np.where(mask_RK, np.float32(0), np.float32(-np.inf)).repeat(heads, 0)[:, None]
    return torch.from_numpy(bias).to(dtype)


def _masked(weights_BQK: Tensor, mask_BQK: Tensor | None) -> Tensor:
    return weights_BQK if mask_BQK is None else weights_BQK * mask_BQK
