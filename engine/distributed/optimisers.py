"""The optimisers of a run: AdamW for replicated parameters, TorchRec's fused optimisers for a sharded table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from fbgemm_gpu.split_table_batched_embeddings_ops_training import SplitTableBatchedEmbeddingBagsCodegen
from torch import Tensor, nn
from torchrec.optim.keyed import KeyedOptimizer

from engine.contract.config.training import TrainingConfig
from engine.distributed.clipping import clip_gradient
from engine.distributed.fused_adamw import FusedAdamW
from engine.distributed.process_group import ProcessGroup
from engine.distributed.sharded_tensors import StateDict, like_weight

ROWWISE_ADAGRAD_FACTOR = 5.0  # its steps shrink with 1/sqrt(updates of a row), Adam's do not


def table_lr(config: TrainingConfig, device: torch.device) -> float:
    """Return the learning rate of a sharded item table: as set, or one that suits its optimiser."""
    if config.embedding_lr is not None:
        return config.embedding_lr
    return config.lr if device.type == "cuda" else config.lr * ROWWISE_ADAGRAD_FACTOR


@dataclass
class Optimisers:
    """All optimisers of a model, stepped and scheduled as one.

    clip: largest norm of the gradient, or None. shards: AdamW's parameters of which this rank holds a shard only, so
    that the norm needs those of the other ranks too. base_lrs: full learning rate of each parameter group. Fused
    optimisers step inside the backward pass, so their parameters are neither counted in the norm nor clipped.
    """

    adam: torch.optim.Optimizer
    clip: float | None
    group: ProcessGroup
    fused: list[KeyedOptimizer] = field(default_factory=list)
    shards: list[Tensor] = field(default_factory=list)
    base_lrs: list[float] = field(default_factory=list)
    _names: Mapping[str, Tensor] = field(default_factory=dict)
    _kernel_steps: StateDict = field(default_factory=dict)
    _lrs: list[float] = field(default_factory=list)

    @classmethod
    def dense(
        cls, parameters: Mapping[str, Tensor], config: TrainingConfig, group: ProcessGroup
    ) -> Optimisers:
        """Return AdamW (Loshchilov & Hutter 2019), with no weight decay for biases and norms, which are 1-D."""
        groups = [
            {"params": [p for p in parameters.values() if p.dim() > 1], "weight_decay": config.weight_decay},
            {"params": [p for p in parameters.values() if p.dim() <= 1], "weight_decay": 0.0},
        ]
        adam = FusedAdamW(groups, lr=config.lr, fused=True)
        lrs = [config.lr for _ in groups]
        return cls(adam, config.grad_clip, group, _names=parameters, base_lrs=lrs)

    def add_fused(self, optimiser: KeyedOptimizer, model: nn.Module) -> None:
        """Add an optimiser that steps inside the backward pass of `model`, so that its learning rate is scheduled."""
        kernels = [m for m in model.modules() if isinstance(m, SplitTableBatchedEmbeddingBagsCodegen)]
        self._kernel_steps = {f"fused.{place}.step": kernel.iter for place, kernel in enumerate(kernels)}
        self.fused.append(optimiser)
        self.base_lrs += [group["lr"] for group in optimiser.param_groups]

    def state(self, weights: StateDict) -> StateDict:
        """Return the optimiser states by plain name, sharded as `weights` are; they share memory with the optimisers.

        AdamW's are `<weight>.<slot>`, the fused ones' `<weight>.<table>.<slot>` and their kernels' step counts.
        """
        self._create_state()
        dense = {
            f"{name}.{slot}": like_weight(value, parameter, weights[name])
            for name, parameter in self._names.items()
            for slot, value in self.adam.state[parameter].items()
        }
        fused = {
            f"{name.removeprefix('model.')}.{slot}": value
            for optimiser in self.fused
            for name, slots in optimiser.state_dict()["state"].items()
            for slot, value in slots.items()
        }
        return dense | fused | self._kernel_steps

    @torch.no_grad()
    def _create_state(self) -> None:
        """Make AdamW create its state if it has not stepped yet: a step at learning rate 0 changes no weight."""
        if self.adam.state:
            return
        lrs = [group["lr"] for group in self.adam.param_groups]
        for group in self.adam.param_groups:
            group["lr"] = 0.0
            for parameter in group["params"]:
                parameter.grad = torch.zeros_like(parameter)
        self.adam.step()
        self.adam.zero_grad(set_to_none=True)
        for group, lr in zip(self.adam.param_groups, lrs, strict=True):
            group["lr"] = lr
        for value in (value for slots in self.adam.state.values() for value in slots.values()):
            value.zero_()

    def set_lrs(self, lrs: list[float]) -> None:
        """Set the learning rate of each parameter group, in the order of `base_lrs`; free if nothing changes."""
        if lrs == self._lrs:
            return
        self._lrs = lrs
        optimisers = (self.adam, *self.fused)
        groups = [group for optimiser in optimisers for group in optimiser.param_groups]
        for group, lr in zip(groups, lrs, strict=True):
            group["lr"] = lr
        for optimiser in self.fused:
            optimiser.step()  # passes the rate to the kernel; weights change in the backward pass only

    def step(self) -> None:
        """Clip the gradient, update the weights and clear the gradient. A collective if parameters are sharded."""
        if self.clip is not None:
            self._clip(self.clip)
        self.adam.step()
        self.adam.zero_grad(set_to_none=True)

    def _clip(self, max_norm: float) -> None:
        everything = [p for group in self.adam.param_groups for p in group["params"]]
        sharded = {id(shard) for shard in self.shards}
        replicated = [p for p in everything if id(p) not in sharded]
        clip_gradient(replicated, self.shards, self.group, max_norm)
