"""Distributes a model over ranks.

DDP replicates it. DMP shards its item table through TorchRec, and its output layer by rows.
"""

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
from engine.distributed.optimisers import Optimisers, table_lr
from engine.distributed.process_group import ProcessGroup
from engine.distributed.row_exchange import RowExchange
from engine.distributed.sharded_output import OutputShard, even_rows
from engine.distributed.sharded_tensors import StateDict, full_state, load_full_state, sharded_by_rows, spans
from engine.distributed.sharding_plan import describe, make_plan, table_ranges
from engine.model.bert4rec import ITEM_TABLE, OUTPUT, BERT4Rec
from engine.model.cpu.kernels import CpuKernels
from engine.model.init_weights import fill_rows
from engine.model.kernels import AutogradKernels, StepKernels
from engine.model.objective import Objective

TABLE_OPTIMISERS = {"cuda": EmbOptimType.ADAM, "cpu": EmbOptimType.EXACT_ROWWISE_ADAGRAD}


@dataclass
class ParallelModel:
    """A model distributed over ranks, with its optimisers, and its weights as full or sharded tensors.

    objective: the wrapped model with its loss, from a Batch to a summed loss. bert4rec: the model inside it, whose
    item table and output are sharded in dmp; for evaluation, never for a step, since its gradients would not be
    synchronised. plan: TorchRec's, in dmp.
    """

    objective: nn.Module
    bert4rec: BERT4Rec
    optimisers: Optimisers
    group: ProcessGroup
    plan: ShardingPlan | None = None

    def state(self) -> StateDict:
        """Return the weights by plain name, sharded ones as ShardedTensor; they share memory with the model."""
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
        """Return the output layer's weights (rows, emb_dim) and biases (rows,) on this rank, rows as in `part`."""
        model = self.bert4rec
        if model.part is None or model.output is not None:
            return model.item_weights, model.output_bias
        shards = model.state_dict()[ITEM_TABLE].local_shards()
        width = self.bert4rec.positions.embedding_dim
        weights = shards[0].tensor if shards else model.output_bias.new_empty((0, width))
        return weights[: len(model.output_bias)], model.output_bias

    @property
    def described_plan(self) -> list[dict[str, Any]]:
        """How tables are sharded and how much memory the shards take, as in the event `run_started`."""
        adagrad = self.group.device.type == "cpu"
        return describe(self.state(), self.plan, "rowwise_adagrad" if adagrad else "adam", self.group)

    def state_for_resume(self) -> StateDict:
        """Return weights and optimiser states, named `model.…` and `optimiser.…`; they share memory with the model.

        Sharded ones are ShardedTensor or DTensor, so that another number of ranks can read them.
        """
        weights = self.state()
        state = {f"model.{name}": tensor for name, tensor in weights.items()}
        return state | {f"optimiser.{name}": value for name, value in self.optimisers.state(weights).items()}

    def full_state(self) -> dict[str, Tensor]:
        """Return plain, unsharded weights on CPU; on rank 0 only. A collective."""
        return full_state(self.state(), self.group)

    def load(self, weights: dict[str, Tensor]) -> None:
        """Load plain, unsharded weights, whatever world size and mode wrote them."""
        load_full_state(self.state(), weights)

    @property
    def parameters(self) -> int:
        """Number of trainable parameters on all ranks."""
        return sum(tensor.size().numel() for tensor in self.state().values())

    @property
    def table_share(self) -> str:
        """Which shards of the item table this rank holds, for the log."""
        table = self.state()[ITEM_TABLE]
        size = " x ".join(map(str, table.size()))
        if not isinstance(table, ShardedTensor):
            return f"all of {size}"
        shards = [
            (shard.metadata.shard_offsets, shard.metadata.shard_sizes) for shard in table.local_shards()
        ]
        spans = [f"rows {r}-{r + m - 1}, columns {c}-{c + n - 1}" for (r, c), (m, n) in shards if m and n]
        return f"{'; '.join(spans) or 'nothing'} of {size}"


def build_parallel(experiment: Experiment, num_items: int, group: ProcessGroup) -> ParallelModel:
    """Build the experiment's model; its initial weights are equal in every mode and on any number of ranks."""
    if experiment.launch.mode == "ddp":
        return _replicated(experiment, num_items, group)
    return _sharded(experiment, num_items, group)


def _replicated(experiment: Experiment, num_items: int, group: ProcessGroup) -> ParallelModel:
    model = BERT4Rec(num_items, experiment.model, experiment.training.seed).to(group.device)
    plain = Objective(model, experiment.training, _kernels(experiment.training, group))
    nn.init.constant_(model.output_bias, plain.first_bias)
    several = group.world_size > 1
    objective = DistributedDataParallel(plain, gradient_as_bucket_view=True) if several else plain
    optimisers = Optimisers.dense(dict(model.named_parameters()), experiment.training, group)
    return ParallelModel(objective, model, optimisers, group)


def _sharded(experiment: Experiment, num_items: int, group: ProcessGroup) -> ParallelModel:
    training, exchange = experiment.training, RowExchange(group.rank, group.world_size)
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
    optimisers.shards = [p for name, p in dense.items() if name in OUTPUT]
    optimisers.add_fused(sharded.fused_optimizer, sharded)
    return ParallelModel(sharded, model, optimisers, group, plan)


def _kernels(training: TrainingConfig, group: ProcessGroup) -> StepKernels:
    dtype = torch.bfloat16 if training.precision == "bf16" else torch.float32
    return CpuKernels(dtype) if group.device.type == "cpu" else AutogradKernels(dtype)


def _sharder(training: TrainingConfig, group: ProcessGroup) -> EmbeddingCollectionSharder:
    return EmbeddingCollectionSharder(
        fused_params={
            "optimizer": TABLE_OPTIMISERS[group.device.type],
            "learning_rate": table_lr(training, group.device),
            "eps": 1e-8,
        }
    )


@torch.no_grad()
def _fill_table(table: ShardedTensor, seed: int) -> None:
    for shard in table.local_shards():
        rows, columns = spans(shard.metadata)
        fill_rows(shard.tensor, seed, ITEM_TABLE, rows.start, columns)
