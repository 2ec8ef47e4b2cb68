"""Spreads a model over ranks: DDP copies all of it, DMP shards its item table through TorchRec."""

from __future__ import annotations

from dataclasses import dataclass

import torch.distributed as dist
from fbgemm_gpu.split_embedding_configs import EmbOptimType
from torch import Tensor, nn
from torch.distributed._shard.sharded_tensor import ShardedTensor
from torch.nn.parallel import DistributedDataParallel
from torchrec.distributed import DistributedModelParallel
from torchrec.distributed.embedding import EmbeddingCollectionSharder
from torchrec.distributed.embedding_types import EmbeddingComputeKernel
from torchrec.distributed.planner import EmbeddingShardingPlanner, ParameterConstraints, Topology
from torchrec.distributed.types import ShardingEnv, ShardingPlan

from engine.config import Experiment
from engine.distributed.group import Group
from engine.distributed.optimisers import Optimisers, table_learning_rate
from engine.distributed.tensors import StateDict, fill_shards, load_whole, whole_state
from engine.model.bert4rec import ITEM_TABLE, BERT4Rec
from engine.model.initial import truncated_normal
from engine.model.objective import Objective

SHARDING_TYPES = ("row_wise", "table_wise", "column_wise")  # those that work without a dense kernel


@dataclass
class ParallelModel:
    """A model spread over ranks: what the loop calls, its optimisers, and its weights whole or sharded.

    objective: the wrapped model with its loss, from a Batch to a summed loss. bert4rec: the model inside it, whose
    item table is sharded in dmp; for evaluation, never for a step, since its gradients would not be synchronised.
    """

    objective: nn.Module
    bert4rec: BERT4Rec
    optimisers: Optimisers
    group: Group

    def state(self) -> StateDict:
        """Weights by their plain names, sharded ones as ShardedTensor; changing them changes the model."""
        return dict(self.bert4rec.state_dict())

    def state_for_resume(self) -> StateDict:
        """Weights and optimiser states by `model.` and `optimiser.` names; changing them changes the model's.

        Anything sharded is a ShardedTensor or DTensor, so that it can be saved by some ranks and read by others.
        """
        weights = self.state()
        told = {f"model.{name}": tensor for name, tensor in weights.items()}
        return told | {f"optimiser.{name}": held for name, held in self.optimisers.state(weights).items()}

    def whole_state(self) -> dict[str, Tensor]:
        """Plain weights on CPU, on rank 0 only. A collective."""
        return whole_state(self.state(), self.group)

    def load(self, whole: dict[str, Tensor]) -> None:
        """Take over plain weights, whatever world size and mode they were written by."""
        load_whole(self.state(), whole)

    @property
    def parameters(self) -> int:
        """Trainable numbers of the whole model."""
        return sum(tensor.size().numel() for tensor in self.state().values())

    @property
    def table_share(self) -> str:
        """Which pieces of the item table this rank holds, for people."""
        table = self.state()[ITEM_TABLE]
        size = " x ".join(map(str, table.size()))
        if not isinstance(table, ShardedTensor):
            return f"all of {size}"
        pieces = [
            (shard.metadata.shard_offsets, shard.metadata.shard_sizes) for shard in table.local_shards()
        ]
        spans = [f"rows {r}-{r + m - 1}, columns {c}-{c + n - 1}" for (r, c), (m, n) in pieces if m and n]
        return f"{'; '.join(spans) or 'nothing'} of {size}"


def build_parallel(experiment: Experiment, num_items: int, group: Group) -> ParallelModel:
    """The experiment's model, at birth the same numbers in every mode and on any number of ranks."""
    if experiment.launch.mode == "ddp":
        return _replicated(experiment, num_items, group)
    return _sharded(experiment, num_items, group)


def _replicated(experiment: Experiment, num_items: int, group: Group) -> ParallelModel:
    model = BERT4Rec(num_items, experiment.model, experiment.training.seed).to(group.device)
    objective: nn.Module = Objective(model, experiment.training)
    if group.world_size > 1:
        objective = DistributedDataParallel(objective, gradient_as_bucket_view=True)
    optimisers = Optimisers.dense(dict(model.named_parameters()), experiment.training, group)
    return ParallelModel(objective, model, optimisers, group)


def _sharded(experiment: Experiment, num_items: int, group: Group) -> ParallelModel:
    training = experiment.training
    model = BERT4Rec(num_items, experiment.model, training.seed, table_device="meta")
    sharder = EmbeddingCollectionSharder(
        fused_params={
            "optimizer": EmbOptimType.ADAM
            if group.device.type == "cuda"
            else EmbOptimType.EXACT_ROWWISE_ADAGRAD,
            "learning_rate": table_learning_rate(training, group.device),
            "eps": 1e-8,
        }
    )
    objective = Objective(model, training)
    sharded = DistributedModelParallel(
        objective,
        env=ShardingEnv.from_process_group(dist.group.WORLD),
        device=group.device,
        plan=_plan(objective, sharder, experiment, group),
        sharders=[sharder],
    )
    table = model.state_dict()[ITEM_TABLE]
    fill_shards(
        table,
        lambda rows, columns: truncated_normal(training.seed, ITEM_TABLE, rows, columns).to(group.device),
    )
    dense = {name: p for name, p in model.named_parameters() if name != ITEM_TABLE}
    optimisers = Optimisers.dense(dense, training, group)
    optimisers.add_fused(sharded.fused_optimizer, sharded)
    return ParallelModel(sharded, model, optimisers, group)


def _plan(
    objective: Objective, sharder: EmbeddingCollectionSharder, experiment: Experiment, group: Group
) -> ShardingPlan:
    """Where each shard of the item table goes: TorchRec's planner, held to launch.sharding if one is named."""
    sharding = experiment.launch.sharding
    constraints = ParameterConstraints(
        compute_kernels=[EmbeddingComputeKernel.FUSED.value],
        sharding_types=list(SHARDING_TYPES) if sharding == "auto" else [sharding],
    )
    planner = EmbeddingShardingPlanner(
        topology=Topology(
            world_size=group.world_size, local_world_size=group.world_size, compute_device=group.device.type
        ),
        constraints={"item": constraints},
    )
    return planner.collective_plan(objective, [sharder], dist.group.WORLD)
