"""Clips a gradient that is partly replicated on every rank and partly sharded."""

from __future__ import annotations

from collections.abc import Sequence

import torch.distributed as dist
from torch import Tensor, nn

from engine.distributed.process_group import ProcessGroup


def gradient_norm(replicated: Sequence[Tensor], sharded: Sequence[Tensor], group: ProcessGroup) -> Tensor:
    """Return the norm of the global gradient, a scalar that is equal on every rank. A collective if it is sharded.

    replicated: parameters that every rank holds, with the same gradient. sharded: this rank's shards of parameters;
    each element is on one rank alone. Either all ranks have shards, or none.
    """
    norm = nn.utils.get_total_norm([p.grad for p in replicated if p.grad is not None])
    if not sharded:
        return norm
    shard_norm = nn.utils.get_total_norm([p.grad for p in sharded if p.grad is not None])
    square = shard_norm.to(group.device).square()
    if group.world_size > 1:
        dist.all_reduce(square)
    return (norm.square() + square).sqrt()


def clip_gradient(
    replicated: Sequence[Tensor], sharded: Sequence[Tensor], group: ProcessGroup, max_norm: float
) -> None:
    """Scale the global gradient down to `max_norm` where its norm is larger. Arguments as in `gradient_norm`."""
    norm = gradient_norm(replicated, sharded, group)
    nn.utils.clip_grads_with_norm_([*replicated, *sharded], max_norm, norm)
