"""Attention with dropout for training on CPU, where torch has no fused one: as few passes over memory as it takes."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


def dropped_attention(query: Tensor, key: Tensor, value: Tensor, keep: Tensor | None, kept: Tensor) -> Tensor:
    """(softmax(query · key / √width) * kept) · value, with its gradients.

    query: (rows, heads, queries, width); key, value: (rows, heads, keys, width); keep: (rows, keys) bool, False for
    padding, or None; kept: (rows, heads, queries, keys), 0 where a share is dropped and the scale elsewhere. All of
    one type, float32 or bfloat16.
    """
    rows, heads, *_ = query.shape
    query, key, value, kept = (
        part.reshape(rows * heads, *part.shape[2:]) for part in (query, key, value, kept)
    )
    padding = (
        None
        if keep is None
        else ~keep[:, None, None, :].expand(rows, heads, 1, -1).reshape(rows * heads, 1, -1)
    )
    mixed: Tensor = _DroppedAttention.apply(query, key, value, padding, kept)
    return mixed.view(rows, heads, *mixed.shape[1:])


class _DroppedAttention(torch.autograd.Function):
    """All arguments as `dropped_attention`, rows and heads as one dimension."""

    @staticmethod
    def forward(
        ctx: Any, query: Tensor, key: Tensor, value: Tensor, padding: Tensor | None, kept: Tensor
    ) -> Tensor:
        with torch.autocast("cpu", enabled=False):  # all in the type of the query, as going backward
            scaled = query * query.shape[-1] ** -0.5
            scores = torch.bmm(scaled, key.transpose(1, 2))
            shares = (scores if padding is None else scores.masked_fill_(padding, -torch.inf)).softmax(-1)
            ctx.save_for_backward(scaled, key, value, shares, kept)
            return torch.bmm(shares * kept, value)

    @staticmethod
    def backward(ctx: Any, above: Tensor) -> tuple[Tensor | None, ...]:
        scaled, key, value, shares, kept = ctx.saved_tensors
        of_value = torch.bmm((shares * kept).transpose(1, 2), above)
        of_shares = torch.bmm(above, value.transpose(1, 2)).mul_(kept)
        # of a softmax: share × (gradient - what the gradients of its row are on average)
        of_scores = torch.ops.aten._softmax_backward_data(of_shares, shares, -1, shares.dtype)
        of_query = torch.bmm(of_scores, key).mul_(scaled.shape[-1] ** -0.5)
        return of_query, torch.bmm(of_scores.transpose(1, 2), scaled), of_value, None, None
