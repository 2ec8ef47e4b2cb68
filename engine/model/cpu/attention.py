"""Attention with dropout for training on CPU, where torch has no fused one, with its gradients written out."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

_softmax_backward = torch.ops.aten._softmax_backward_data.default


def attend(
    query: Tensor, key: Tensor, value: Tensor, bias: Tensor | None, kept: Tensor | None, mixed: Tensor
) -> Callable[[Tensor, Tensor, Tensor, Tensor], None]:
    """Write (softmax(query · key / √width + bias) * kept) · value to `mixed`. Returns what makes its gradients.

    query, mixed: (batch, queries, width); key, value: (batch, keys, width), where the batch is of rows and heads;
    bias as of `padding_bias`; kept: (batch, queries, keys), 0 where a share is dropped and the scale elsewhere, None
    to drop nothing. All of one type. What is returned takes the gradient by `mixed`, and writes those by query, key
    and value to the places it is given.
    """
    scale, turned = query.shape[-1] ** -0.5, key.transpose(1, 2)
    added = query.new_empty(()) if bias is None else bias
    scores = torch.baddbmm(added, query, turned, beta=0 if bias is None else 1, alpha=scale)
    shares = scores.softmax(-1)

    def back(above: Tensor, of_query: Tensor, of_key: Tensor, of_value: Tensor) -> None:
        torch.bmm(_dropped(shares, kept).transpose(1, 2), above, out=of_value)
        of_shares = torch.bmm(above, value.transpose(1, 2))
        of_shares = of_shares if kept is None else of_shares.mul_(kept)
        # of a softmax: share × (gradient - what the gradients of its row are on average)
        of_scores = _softmax_backward(of_shares, shares, -1, shares.dtype)
        torch.baddbmm(of_key, of_scores.transpose(1, 2), query, beta=0, alpha=scale, out=of_key)
        torch.baddbmm(of_query, of_scores, key, beta=0, alpha=scale, out=of_query)

    torch.bmm(_dropped(shares, kept), value, out=mixed)
    return back


def padding_bias(keep: np.ndarray, heads: int, dtype: torch.dtype) -> Tensor | None:
    """What to add to scores so that no padding is seen: (rows × heads, 1, keys), 0 or -inf; None where there is none.

    keep: (rows, keys) bool, False for padding.
    """
    if keep.all():
        return None
    bias = np.where(keep, np.float32(0), np.float32(-np.inf)).repeat(heads, 0)[:, None]
    return torch.from_numpy(bias).to(dtype)


def _dropped(shares: Tensor, kept: Tensor | None) -> Tensor:
    return shares if kept is None else shares * kept
