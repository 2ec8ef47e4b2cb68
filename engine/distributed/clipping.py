"""Bounds the norm of a gradient whose parts are partly on every rank, partly on one."""

from __future__ import annotations

from collections.abc import Sequence

import torch.distributed as dist
from torch import Tensor, nn

from engine.distributed.process_group import Group


def gradient_norm(replicated: Sequence[Tensor], sharded: Sequence[Tensor], group: Group) -> Tensor:
    """Norm of the whole gradient, a scalar, the same on every rank. A collective if anything is sharded anywhere.

    replicated: parameters every rank holds, with the same gradient. sharded: this rank's pieces of parameters that
    are cut up over ranks; each number of them is on one rank alone. All ranks must have pieces, or none.
    """
    norm = nn.utils.get_total_norm([p.grad for p in replicated if p.grad is not None])
    if not sharded:
        return norm
    pieces = nn.utils.get_total_norm([p.grad for p in sharded if p.grad is not None])
    square = pieces.to(group.device).square()
    if group.world_size > 1:
        dist.all_reduce(square)
    return (norm.square() + square).sqrt()


def clip_gradient(replicated: Sequence[Tensor], sharded: Sequence[Tensor], group: Group, most: float) -> None:
    """Scale the whole gradient down to norm `most` where it is longer. Arguments as in `gradient_norm`."""
    norm = gradient_norm(replicated, sharded, group)
    nn.utils.clip_grads_with_norm_([*replicated, *sharded], most, norm)
