"""The optimisers of a run: AdamW for what is replicated, TorchRec's fused ones for a sharded table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from fbgemm_gpu.split_table_batched_embeddings_ops_training import SplitTableBatchedEmbeddingBagsCodegen
from torch import Tensor, nn
from torchrec.optim.keyed import KeyedOptimizer

from engine.contract.config.training import TrainingConfig
from engine.distributed.clipping import clip_gradient
from engine.distributed.fused_adamw import AdamW
from engine.distributed.process_group import Group
from engine.distributed.sharded_tensors import StateDict, like_weight

ROWWISE_ADAGRAD_FACTOR = 5.0  # its steps shrink with 1/sqrt(updates of a row), Adam's do not


def table_learning_rate(config: TrainingConfig, device: torch.device) -> float:
    """Learning rate of a sharded item table: as set, or the one its optimiser does well with."""
    if config.embedding_lr is not None:
        return config.embedding_lr
    return config.lr if device.type == "cuda" else config.lr * ROWWISE_ADAGRAD_FACTOR


@dataclass
class Optimisers:
    """All optimisers of a model, stepped and scheduled as one.

    clip: largest norm of the gradient, or None. pieces: parameters among Adam's that are this rank's shards of
    something, so that the norm needs those of the other ranks too. Fused optimisers step inside the backward
    pass: what they train is neither counted nor clipped.
    """

    adam: torch.optim.Optimizer
    clip: float | None
    group: Group
    fused: list[KeyedOptimizer] = field(default_factory=list)
    pieces: list[Tensor] = field(default_factory=list)
    _names: Mapping[str, Tensor] = field(default_factory=dict)
    _kernel_steps: StateDict = field(default_factory=dict)
    _base_rates: list[float] = field(default_factory=list)
    _factor: float | None = None

    @classmethod
    def dense(cls, parameters: Mapping[str, Tensor], config: TrainingConfig, group: Group) -> Optimisers:
        """AdamW (Loshchilov & Hutter 2019); weight decay spares biases and norms, which have one dimension."""
        groups = [
            {"params": [p for p in parameters.values() if p.dim() > 1], "weight_decay": config.weight_decay},
            {"params": [p for p in parameters.values() if p.dim() <= 1], "weight_decay": 0.0},
        ]
        adam = AdamW(groups, lr=config.lr, fused=True)
        rates = [config.lr for _ in groups]
        return cls(adam, config.grad_clip, group, _names=parameters, _base_rates=rates)

    def add_fused(self, optimiser: KeyedOptimizer, model: nn.Module) -> None:
        """Schedule an optimiser that steps inside the backward pass of `model` together with the others."""
        kernels = [m for m in model.modules() if isinstance(m, SplitTableBatchedEmbeddingBagsCodegen)]
        self._kernel_steps = {f"fused.{place}.step": kernel.iter for place, kernel in enumerate(kernels)}
        self.fused.append(optimiser)
        self._base_rates += [group["lr"] for group in optimiser.param_groups]

    def state(self, weights: StateDict) -> StateDict:
        """What they know of past steps, by plain name, sharded as `weights` are; changing it changes theirs.

        Of AdamW `<weight>.<slot>`, of the fused ones `<weight>.<table>.<slot>`, and the steps their kernels counted.
        """
        self._begin()
        dense = {
            f"{name}.{slot}": like_weight(held, parameter, weights[name])
            for name, parameter in self._names.items()
            for slot, held in self.adam.state[parameter].items()
        }
        fused = {
            f"{name.removeprefix('model.')}.{slot}": held
            for optimiser in self.fused
            for name, slots in optimiser.state_dict()["state"].items()
            for slot, held in slots.items()
        }
        return dense | fused | self._kernel_steps

    @torch.no_grad()
    def _begin(self) -> None:
        """Let AdamW make its state where it has not stepped yet: a step at rate 0 makes it and moves nothing."""
        if self.adam.state:
            return
        rates = [group["lr"] for group in self.adam.param_groups]
        for group in self.adam.param_groups:
            group["lr"] = 0.0
            for parameter in group["params"]:
                parameter.grad = torch.zeros_like(parameter)
        self.adam.step()
        self.adam.zero_grad(set_to_none=True)
        for group, rate in zip(self.adam.param_groups, rates, strict=True):
            group["lr"] = rate
        for held in (held for slots in self.adam.state.values() for held in slots.values()):
            held.zero_()

    def schedule(self, factor: float) -> None:
        """Set every learning rate to `factor` times what it began with; costs nothing while it stays the same."""
        if factor == self._factor:
            return
        self._factor = factor
        optimisers = (self.adam, *self.fused)
        groups = [group for optimiser in optimisers for group in optimiser.param_groups]
        for group, base in zip(groups, self._base_rates, strict=True):
            group["lr"] = base * factor
        for optimiser in self.fused:
            optimiser.step()  # hands the rate to the kernel; its weights move in the backward pass only

    def step(self) -> None:
        """Clip the gradient, update the weights from it and clear it. A collective if there are pieces."""
        if self.clip is not None:
            self._clip(self.clip)
        self.adam.step()
        self.adam.zero_grad(set_to_none=True)

    def _clip(self, most: float) -> None:
        everything = [p for group in self.adam.param_groups for p in group["params"]]
        mine = {id(piece) for piece in self.pieces}
        replicated = [p for p in everything if id(p) not in mine]
        clip_gradient(replicated, self.pieces, self.group, most)
