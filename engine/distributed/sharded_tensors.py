"""Whole tensors and their shards: gathers shards into plain tensors and fills shards from them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
import torch.distributed as dist
from torch import Tensor
from torch.distributed._shard.metadata import ShardMetadata
from torch.distributed._shard.sharded_tensor import (
    Shard,
    ShardedTensor,
    ShardedTensorMetadata,
    TensorProperties,
)
from torch.distributed.tensor import DTensor

from engine.distributed.process_group import Group

StateDict = dict[str, Tensor | ShardedTensor]
Fill = Callable[[range, range], Tensor]  # (rows, columns) of the whole table → that piece of it
_CELLS = 1 << 22  # numbers that travel together: 16 MiB


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
    """Set this rank's shards of a table or a row of numbers, asking `fill` for nothing but those pieces."""
    for shard in target.local_shards():
        rows, columns = spans(shard.metadata)
        shard.tensor.copy_(fill(rows, columns).view_as(shard.tensor))


def spans(shard: ShardMetadata) -> tuple[range, range]:
    """Rows and columns of a shard; a row of numbers has one column."""
    (row, *column), (rows, *columns) = shard.shard_offsets, shard.shard_sizes
    first = column[0] if column else 0
    return range(row, row + rows), range(first, first + (columns[0] if columns else 1))


def owner_of(shard: ShardMetadata) -> int:
    """The rank that holds a shard."""
    rank = shard.placement.rank() if shard.placement is not None else None
    assert rank is not None, "a shard without a place"
    return rank


def sharded_by_rows(mine: Tensor, ranges: Sequence[range], group: Group) -> ShardedTensor:
    """This rank's rows as a part of the whole, sharing memory. ranges: rows of every rank, in order, may be empty.

    No collective: every rank knows where the others' rows are.
    """
    width = mine.shape[1:]
    shards = [
        ShardMetadata([rows.start, *(0 for _ in width)], [len(rows), *width], f"rank:{rank}/{_device(group)}")
        for rank, rows in enumerate(ranges)
        if len(rows)
    ]
    metadata = ShardedTensorMetadata(
        shards, torch.Size([ranges[-1].stop, *width]), TensorProperties(dtype=mine.dtype)
    )
    own = [Shard(mine, shard) for shard in shards if owner_of(shard) == group.rank]
    return ShardedTensor._init_from_local_shards_and_global_metadata(own, metadata)


def _device(group: Group) -> str:
    """The device of a placement; ranks of other machines have their GPUs numbered as here."""
    return group.device.type if group.device.type == "cpu" else f"{group.device.type}:{group.local_rank}"


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
    piece = source[rows.start : rows.stop]
    return piece if source.dim() == 1 else piece[:, columns.start : columns.stop]


def _whole(tensor: Tensor | ShardedTensor, group: Group) -> Tensor | None:
    if not isinstance(tensor, ShardedTensor):
        return tensor.detach().cpu().clone() if group.is_first else None
    result = torch.empty(tensor.size()) if group.is_first else None
    for shard in tensor.metadata().shards_metadata:
        owner = owner_of(shard)
        if group.rank in (0, owner):
            _bring(shard, _local(tensor, shard) if group.rank == owner else None, result, owner)
    return result


def _local(tensor: ShardedTensor, wanted: ShardMetadata) -> Tensor:
    return next(
        shard.tensor.detach()
        for shard in tensor.local_shards()
        if shard.metadata.shard_offsets == wanted.shard_offsets
    )


def _bring(shard: ShardMetadata, mine: Tensor | None, result: Tensor | None, owner: int) -> None:
    """Move a shard from its owner, who has `mine`, to rank 0, who has `result`, some rows at a time."""
    rows, columns = spans(shard)
    size = max(1, _CELLS // max(1, len(columns)))
    for first in range(0, len(rows), size):
        last = min(first + size, len(rows))
        if mine is not None:
            piece = mine[first:last].cpu().contiguous()
            if result is None:
                dist.send(piece, 0)
        if result is not None:
            target = _piece(result, rows[first:last], columns)
            if mine is None:
                piece = torch.empty(target.shape)
                dist.recv(piece, owner)
            target.copy_(piece)
