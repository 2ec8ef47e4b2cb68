"""Spreads a model over ranks: DDP copies all of it, DMP shards its item table through TorchRec, its output by rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
from fbgemm_gpu.split_embedding_configs import EmbOptimType
from torch import Tensor, nn
from torch.distributed._shard.sharded_tensor import ShardedTensor
from torch.nn.parallel import DistributedDataParallel
from torchrec.distributed import DistributedModelParallel
from torchrec.distributed.embedding import EmbeddingCollectionSharder
from torchrec.distributed.model_parallel import DefaultDataParallelWrapper
from torchrec.distributed.types import ShardingEnv, ShardingPlan

from engine.contract.config.experiment import Experiment
from engine.contract.config.training import TrainingConfig
from engine.distributed.optimisers import Optimisers, table_learning_rate
from engine.distributed.process_group import Group
from engine.distributed.row_exchange import Exchange
from engine.distributed.sharded_output import OutputShard, even_rows
from engine.distributed.sharded_tensors import StateDict, load_whole, sharded_by_rows, spans, whole_state
from engine.distributed.sharding_plan import describe, make_plan, table_ranges
from engine.model.bert4rec import ITEM_TABLE, OUTPUT, BERT4Rec
from engine.model.cpu.kernels import CpuKernels
from engine.model.init_weights import fill_rows
from engine.model.kernels import AutogradKernels, StepKernels
from engine.model.objective import Objective

TABLE_OPTIMISERS = {"cuda": EmbOptimType.ADAM, "cpu": EmbOptimType.EXACT_ROWWISE_ADAGRAD}


@dataclass
class ParallelModel:
    """A model spread over ranks: what the loop calls, its optimisers, and its weights whole or sharded.

    objective: the wrapped model with its loss, from a Batch to a summed loss. bert4rec: the model inside it, whose
    item table and output are sharded in dmp; for evaluation, never for a step, since its gradients would not be
    synchronised. plan: TorchRec's, in dmp.
    """

    objective: nn.Module
    bert4rec: BERT4Rec
    optimisers: Optimisers
    group: Group
    plan: ShardingPlan | None = None

    def state(self) -> StateDict:
        """Weights by their plain names, sharded ones as ShardedTensor; changing them changes the model."""
        state = dict(self.bert4rec.state_dict())
        part = self.bert4rec.part
        if isinstance(part, OutputShard):
            state |= {
                name: sharded_by_rows(state[name], part.ranges, self.group)
                for name in OUTPUT
                if name in state
            }
        return state

    def output_rows(self) -> tuple[Tensor, Tensor]:
        """The output layer's weights and biases on this rank: (rows, emb_dim) and (rows,), rows as in `part`."""
        model = self.bert4rec
        if model.part is None or model.output is not None:
            return model.item_weights, model.output_bias
        shards = model.state_dict()[ITEM_TABLE].local_shards()
        width = self.bert4rec.positions.embedding_dim
        weights = shards[0].tensor if shards else model.output_bias.new_empty((0, width))
        return weights[: len(model.output_bias)], model.output_bias

    @property
    def described_plan(self) -> list[dict[str, Any]]:
        """Where the tables lie and what they take there, as events tell it."""
        adagrad = self.group.device.type == "cpu"
        return describe(self.state(), self.plan, "rowwise_adagrad" if adagrad else "adam", self.group)

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
    plain = Objective(model, experiment.training, _kernels(experiment.training, group))
    nn.init.constant_(model.output_bias, plain.first_bias)
    several = group.world_size > 1
    objective = DistributedDataParallel(plain, gradient_as_bucket_view=True) if several else plain
    optimisers = Optimisers.dense(dict(model.named_parameters()), experiment.training, group)
    return ParallelModel(objective, model, optimisers, group)


def _sharded(experiment: Experiment, num_items: int, group: Group) -> ParallelModel:
    training, exchange = experiment.training, Exchange(group.rank, group.world_size)
    ranges = even_rows(num_items, group.world_size)
    model = BERT4Rec(num_items, experiment.model, training.seed, "meta", ranges[group.rank])
    objective, sharder = Objective(model, training, _kernels(training, group)), _sharder(training, group)
    plan = make_plan(objective, sharder, experiment, group)
    if model.output is None:  # scores come from the item table, so biases lie where its rows are
        ranges = table_ranges(plan, num_items, group.world_size)
        model.output_bias = nn.Parameter(torch.zeros(len(ranges[group.rank])))
    nn.init.constant_(model.output_bias, objective.first_bias)
    model.part = OutputShard(ranges, exchange)
    sharded = DistributedModelParallel(
        objective,
        env=ShardingEnv.from_process_group(dist.group.WORLD),
        device=group.device,
        plan=plan,
        sharders=[sharder],
        data_parallel_wrapper=DefaultDataParallelWrapper(params_to_ignore=[f"model.{n}" for n in OUTPUT]),
    )
    _fill_table(model.state_dict()[ITEM_TABLE], training.seed)
    dense = {name: p for name, p in model.named_parameters() if name != ITEM_TABLE}
    optimisers = Optimisers.dense(dense, training, group)
    optimisers.pieces = [p for name, p in dense.items() if name in OUTPUT]
    optimisers.add_fused(sharded.fused_optimizer, sharded)
    return ParallelModel(sharded, model, optimisers, group, plan)


def _kernels(training: TrainingConfig, group: Group) -> StepKernels:
    dtype = torch.bfloat16 if training.precision == "bf16" else torch.float32
    return CpuKernels(dtype) if group.device.type == "cpu" else AutogradKernels(dtype)


def _sharder(training: TrainingConfig, group: Group) -> EmbeddingCollectionSharder:
    return EmbeddingCollectionSharder(
        fused_params={
            "optimizer": TABLE_OPTIMISERS[group.device.type],
            "learning_rate": table_learning_rate(training, group.device),
            "eps": 1e-8,
        }
    )


@torch.no_grad()
def _fill_table(table: ShardedTensor, seed: int) -> None:
    for shard in table.local_shards():
        rows, columns = spans(shard.metadata)
        fill_rows(shard.tensor, seed, ITEM_TABLE, rows.start, columns)
