"""Decides which rank holds which shard of the item table: TorchRec's planner within stated memory limits."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psutil
import torch
from torch import Tensor, nn
from torch.distributed._shard.sharded_tensor import ShardedTensor
from torch.distributed._shard.sharding_spec import EnumerableShardingSpec
from torchrec.distributed.embedding import EmbeddingCollectionSharder
from torchrec.distributed.embedding_types import EmbeddingComputeKernel
from torchrec.distributed.planner import EmbeddingShardingPlanner, ParameterConstraints, Topology
from torchrec.distributed.planner.storage_reservations import FixedPercentageStorageReservation
from torchrec.distributed.planner.types import PlannerError
from torchrec.distributed.types import ShardingPlan

from engine.contract.config.experiment import Experiment
from engine.contract.errors import B4RError, ExitCode
from engine.distributed.process_group import ProcessGroup
from engine.distributed.sharded_tensors import StateDict, owner_of, spans
from engine.model.bert4rec import ITEM_TABLE

SHARDING_TYPES = ("row_wise", "table_wise", "column_wise")  # those that work without a dense kernel
WHOLE_ROWS = ("row_wise", "table_wise")  # those that keep an item's vector on one rank
_ADAM_COPIES = 4  # of a replicated weight: weight, gradient, and Adam's two moments
_GB = 10**9
_CGROUP_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


def make_plan(
    objective: nn.Module, sharder: EmbeddingCollectionSharder, experiment: Experiment, group: ProcessGroup
) -> ShardingPlan:
    """Plan the shards of the item table. A collective. Raises B4RError, on all ranks, if they do not fit."""
    planned: tuple[ShardingPlan | None, str] = (None, "")
    limit = min(group.all_gather(memory_limit(experiment, group)))
    if group.is_first:
        try:
            planned = (_planner(objective, experiment, group, limit).plan(objective, [sharder]), "")
        except PlannerError:
            planned = (None, _does_not_fit(objective, experiment, group, limit))
    plan, sentence = group.broadcast(planned)
    if plan is None:
        raise B4RError(sentence, ExitCode.ENVIRONMENT)
    return plan


def memory_limit(experiment: Experiment, group: ProcessGroup) -> int:
    """Return the bytes that a rank may use: launch.memory_gb, or its share of the machine's or container's memory."""
    if experiment.launch.memory_gb is not None:
        return int(experiment.launch.memory_gb * _GB)
    if group.device.type == "cuda":
        return torch.cuda.get_device_properties(group.device).total_memory
    return machine_memory() // group.local_world_size


def machine_memory(limits: Sequence[str] = _CGROUP_LIMITS) -> int:
    """Return the bytes of main memory, or a control group's limit if that is lower."""
    sizes = [psutil.virtual_memory().total]
    for path in map(Path, limits):
        text = path.read_text().strip() if path.is_file() else ""
        sizes += [int(text)] if text.isdecimal() else []
    return min(sizes)


def _planner(
    objective: nn.Module, experiment: Experiment, group: ProcessGroup, limit: int
) -> EmbeddingShardingPlanner:
    constraints = ParameterConstraints(
        compute_kernels=[EmbeddingComputeKernel.FUSED.value],
        sharding_types=_sharding_types(experiment),
        pooling_factors=[float(experiment.model.max_len)],
    )
    left = max(0, limit - _dense_bytes(objective))
    topology = Topology(
        world_size=group.world_size,
        local_world_size=group.local_world_size,
        compute_device=group.device.type,
        **{"hbm_cap" if group.device.type == "cuda" else "ddr_cap": left},
    )
    return EmbeddingShardingPlanner(
        topology=topology,
        batch_size=experiment.training.train_batch_size,
        storage_reservation=FixedPercentageStorageReservation(0.0),
        constraints={"item": constraints},
    )


def _sharding_types(experiment: Experiment) -> list[str]:
    if experiment.launch.sharding != "auto":
        return [experiment.launch.sharding]
    return list(WHOLE_ROWS if experiment.model.tie_output else SHARDING_TYPES)


def _dense_bytes(objective: nn.Module) -> int:
    """Return the bytes that a rank needs besides its shard of the table, which does not exist yet."""
    dense = (p for p in objective.parameters() if not p.is_meta)
    return _ADAM_COPIES * sum(p.numel() * p.element_size() for p in dense)


def _does_not_fit(objective: nn.Module, experiment: Experiment, group: ProcessGroup, limit: int) -> str:
    table = next(p for p in objective.parameters() if p.is_meta)
    rows, columns = table.shape
    return (
        f"launch.memory_gb: an item table of {rows:,} x {columns} ({rows * columns * 4 / _GB:.3g} GB), plus "
        f"{_dense_bytes(objective) / _GB:.3g} GB per rank for the rest, does not fit into {limit / _GB:.3g} GB on "
        f"each of {group.world_size} ranks with sharding = {experiment.launch.sharding}; use more ranks (launch.j), "
        "a smaller model.emb_dim, or raise the limit"
    )


def table_ranges(plan: ShardingPlan, num_items: int, world_size: int) -> list[range]:
    """Return each rank's rows of a table that is not split by columns, without the last row, the mask token's.

    Rows ascend with the rank, as the output layer requires; a rank without rows has an empty range.
    """
    spec = _parameter(plan).sharding_spec
    assert isinstance(spec, EnumerableShardingSpec)
    rows = {owner_of(shard): spans(shard)[0] for shard in spec.shards}
    ranges, last = [], 0
    for rank in range(world_size):
        mine = rows.get(rank, range(last, last))
        ranges.append(range(min(mine.start, num_items), min(mine.stop, num_items)))
        last = ranges[-1].stop
    return ranges


def describe(
    state: StateDict, plan: ShardingPlan | None, table_optimiser: str, group: ProcessGroup
) -> list[dict[str, Any]]:
    """Return the plan for the event `run_started`: one entry for the item table and one for each output tensor."""
    table = _parameter(plan) if plan is not None else None
    described = []
    for name in (ITEM_TABLE, "output", "output_bias"):
        if name not in state:
            continue
        fused = table is not None and name == ITEM_TABLE
        tensor, optimiser = state[name], table_optimiser if fused else "adamw"
        described.append(
            {
                "table": "item" if name == ITEM_TABLE else name,
                "sharding": _sharding(tensor, table.sharding_type if fused and table else "row_wise"),
                "kernel": str(table.compute_kernel) if fused and table else "dense",
                "optimiser": optimiser,
                "size": list(tensor.size()),
                "shards": [_shard(*where, optimiser) for where in _places(tensor, group)],
            }
        )
    return described


def _sharding(tensor: Tensor | ShardedTensor, sharded: str) -> str:
    return sharded if isinstance(tensor, ShardedTensor) else "replicated"


def _places(tensor: Tensor | ShardedTensor, group: ProcessGroup) -> list[tuple[int, range, range]]:
    """Return (rank, rows, columns) of each shard."""
    if isinstance(tensor, ShardedTensor):
        return [(owner_of(shard), *spans(shard)) for shard in tensor.metadata().shards_metadata]
    columns = tensor.shape[1] if tensor.dim() > 1 else 1
    return [(rank, range(tensor.shape[0]), range(columns)) for rank in range(group.world_size)]


def _shard(rank: int, rows: range, columns: range, optimiser: str) -> dict[str, Any]:
    """Describe a shard: its rows and columns, ends excluded, and its bytes. Weights are float32."""
    weights = 4 * len(rows) * len(columns)
    return {
        "rank": rank,
        "rows": [rows.start, rows.stop],
        "columns": [columns.start, columns.stop],
        "weight_bytes": weights,
        "optimiser_bytes": 4 * len(rows) if optimiser == "rowwise_adagrad" else 2 * weights,
    }


def _parameter(plan: ShardingPlan) -> Any:
    (module,) = plan.plan.values()
    return module["item"]
