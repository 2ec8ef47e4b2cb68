"""Converts between sharded and full tensors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

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

from engine.distributed.process_group import ProcessGroup

StateDict = dict[str, Tensor | ShardedTensor]
Fill = Callable[[range, range], Tensor]  # (rows, columns) of the full table → that block of it
_CELLS = 1 << 22  # numbers sent at once: 16 MiB


def full_state(state: StateDict, group: ProcessGroup) -> dict[str, Tensor]:
    """Return every tensor of `state` unsharded and on CPU, on rank 0; an empty dict elsewhere. A collective."""
    full = {name: _full(tensor, group) for name, tensor in state.items()}
    return {name: tensor for name, tensor in full.items() if tensor is not None}


@torch.no_grad()
def load_full_state(state: StateDict, full: dict[str, Tensor]) -> None:
    """Copy plain tensors into `state` in place; each rank takes its own shards."""
    for name, target in state.items():
        source = full[name]
        if isinstance(target, ShardedTensor):
            fill_shards(target, partial(_block, source))
        else:
            target.copy_(source)


@torch.no_grad()
def fill_shards(target: ShardedTensor, fill: Fill) -> None:
    """Set this rank's shards of a table or a vector, calling `fill` for their rows and columns only."""
    for shard in target.local_shards():
        rows, columns = spans(shard.metadata)
        shard.tensor.copy_(fill(rows, columns).view_as(shard.tensor))


def spans(shard: ShardMetadata) -> tuple[range, range]:
    """Return the rows and columns of a shard; a vector has one column."""
    (row, *column), (rows, *columns) = shard.shard_offsets, shard.shard_sizes
    first = column[0] if column else 0
    return range(row, row + rows), range(first, first + (columns[0] if columns else 1))


def owner_of(shard: ShardMetadata) -> int:
    """Return the rank that holds a shard."""
    rank = shard.placement.rank() if shard.placement is not None else None
    assert rank is not None, "a shard without a placement"
    return rank


def sharded_by_rows(mine: Tensor, ranges: Sequence[range], group: ProcessGroup) -> ShardedTensor:
    """Wrap this rank's rows as a ShardedTensor that shares their memory. No collective is needed.

    ranges: the rows of every rank, in order; they may be empty.
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


def _device(group: ProcessGroup) -> str:
    """Return the device part of a placement; other machines are assumed to number their GPUs as this one."""
    return group.device.type if group.device.type == "cpu" else f"{group.device.type}:{group.local_rank}"


def like_weight(value: Tensor, parameter: Tensor, weight: Tensor | ShardedTensor) -> Tensor | ShardedTensor:
    """Wrap an optimiser's state tensor for `parameter` so that it is sharded like `weight`.

    value: of the parameter's shape, or a scalar, which is returned as is. parameter: what the optimiser steps, this
    rank's shard of `weight` if that is sharded.
    """
    if value.shape != parameter.shape or isinstance(value, DTensor):
        return value
    if isinstance(weight, DTensor):
        return DTensor.from_local(
            value, weight.device_mesh, weight.placements, shape=weight.shape, stride=weight.stride()
        )
    if not isinstance(weight, ShardedTensor):
        return value
    shards = [Shard(value, shard.metadata) for shard in weight.local_shards()]
    return ShardedTensor._init_from_local_shards_and_global_metadata(shards, weight.metadata())


def _block(source: Tensor, rows: range, columns: range) -> Tensor:
    block = source[rows.start : rows.stop]
    return block if source.dim() == 1 else block[:, columns.start : columns.stop]


def _full(tensor: Tensor | ShardedTensor, group: ProcessGroup) -> Tensor | None:
    if not isinstance(tensor, ShardedTensor):
        return tensor.detach().cpu().clone() if group.is_first else None
    result = torch.empty(tensor.size()) if group.is_first else None
    for shard in tensor.metadata().shards_metadata:
        owner = owner_of(shard)
        if group.rank in (0, owner):
            _send_to_first(shard, _local(tensor, shard) if group.rank == owner else None, result, owner)
    return result


def _local(tensor: ShardedTensor, wanted: ShardMetadata) -> Tensor:
    return next(
        shard.tensor.detach()
        for shard in tensor.local_shards()
        if shard.metadata.shard_offsets == wanted.shard_offsets
    )


def _send_to_first(shard: ShardMetadata, mine: Tensor | None, result: Tensor | None, owner: int) -> None:
    """Send a shard from its owner, which has `mine`, to rank 0, which has `result`, some rows at a time."""
    rows, columns = spans(shard)
    size = max(1, _CELLS // max(1, len(columns)))
    for first in range(0, len(rows), size):
        last = min(first + size, len(rows))
        if mine is not None:
            block = mine[first:last].cpu().contiguous()
            if result is None:
                dist.send(block, 0)
        if result is not None:
            target = _block(result, rows[first:last], columns)
            if mine is None:
                block = torch.empty(target.shape)
                dist.recv(block, owner)
            target.copy_(block)
