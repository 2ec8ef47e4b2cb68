"""Whole tensors and their shards: gathers shards into plain tensors and fills shards from them."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.distributed._shard.sharded_tensor import Shard, ShardedTensor
from torch.distributed.tensor import DTensor

from engine.distributed.group import Group

StateDict = dict[str, Tensor | ShardedTensor]
Fill = Callable[[range, range], Tensor]  # (rows, columns) of the whole table → that piece of it


def whole_state(state: StateDict, group: Group) -> dict[str, Tensor]:
    """Every tensor of `state` whole and on CPU, on rank 0; an empty dict elsewhere. A collective."""
    whole = {name: _whole(tensor, group) for name, tensor in state.items()}
    return {name: tensor for name, tensor in whole.items() if tensor is not None}


@torch.no_grad()
def load_whole(state: StateDict, whole: dict[str, Tensor]) -> None:
    """Copy plain tensors into `state` in place; each rank takes its own shards of sharded ones."""
    for name, target in state.items():
        source = whole[name]
        if isinstance(target, ShardedTensor):
            fill_shards(target, lambda rows, columns, source=source: _piece(source, rows, columns))  # type: ignore[misc]
        else:
            target.copy_(source)


@torch.no_grad()
def fill_shards(target: ShardedTensor, fill: Fill) -> None:
    """Set this rank's shards of a two-dimensional table, asking `fill` for nothing but those pieces."""
    for shard in target.local_shards():
        (row, column), (rows, columns) = shard.metadata.shard_offsets, shard.metadata.shard_sizes
        shard.tensor.copy_(fill(range(row, row + rows), range(column, column + columns)))


def like_weight(held: Tensor, parameter: Tensor, weight: Tensor | ShardedTensor) -> Tensor | ShardedTensor:
    """An optimiser's number or tensor for `parameter`, sharded as `weight` is where that tells what it is a piece of.

    held: of the parameter's shape, or a number, which stays as it is. parameter: what the optimiser steps; this
    rank's piece of `weight` where that is sharded.
    """
    if held.shape != parameter.shape or isinstance(held, DTensor):
        return held
    if isinstance(weight, DTensor):
        return DTensor.from_local(
            held, weight.device_mesh, weight.placements, shape=weight.shape, stride=weight.stride()
        )
    if not isinstance(weight, ShardedTensor):
        return held
    shards = [Shard(held, shard.metadata) for shard in weight.local_shards()]
    return ShardedTensor._init_from_local_shards_and_global_metadata(shards, weight.metadata())


def _piece(source: Tensor, rows: range, columns: range) -> Tensor:
    return source[rows.start : rows.stop, columns.start : columns.stop]


def _whole(tensor: Tensor | ShardedTensor, group: Group) -> Tensor | None:
    if not isinstance(tensor, ShardedTensor):
        return tensor.detach().cpu().clone() if group.is_first else None
    mine = [(shard.metadata.shard_offsets, shard.tensor.detach().cpu()) for shard in tensor.local_shards()]
    gathered = group.gather(mine)
    if not group.is_first:
        return None
    result = torch.empty(tensor.size())
    for (row, column), piece in (shard for shards in gathered for shard in shards):
        result[row : row + piece.shape[0], column : column + piece.shape[1]] = piece
    return result
