"""The optimisers of a run: AdamW for what is replicated, TorchRec's fused ones for a sharded table."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torchrec.optim.keyed import KeyedOptimizer

from engine.config import TrainingConfig
from engine.distributed.exchange import Exchange

ROWWISE_ADAGRAD_FACTOR = 5.0  # its steps shrink with 1/sqrt(updates of a row), Adam's do not


def table_learning_rate(config: TrainingConfig, device: torch.device) -> float:
    """Learning rate of a sharded item table: as set, or the one its optimiser does well with."""
    if config.embedding_lr is not None:
        return config.embedding_lr
    return config.lr if device.type == "cuda" else config.lr * ROWWISE_ADAGRAD_FACTOR


@dataclass
class Optimisers:
    """All optimisers of a model, stepped and scheduled as one."""

    adam: torch.optim.Optimizer
    clip: float | None
    fused: list[KeyedOptimizer] = field(default_factory=list)
    exchange: Exchange | None = (
        None  # to sum the gradient norm of `shards`, which are parts of larger weights
    )
    shards: list[Tensor] = field(default_factory=list)
    _base_rates: list[tuple[dict, float]] = field(default_factory=list)

    @classmethod
    def dense(cls, parameters: dict[str, Tensor], config: TrainingConfig, device: torch.device) -> Optimisers:
        """AdamW (Loshchilov & Hutter 2019); weight decay spares biases and norms, which have one dimension."""
        groups = [
            {"params": [p for p in parameters.values() if p.dim() > 1], "weight_decay": config.weight_decay},
            {"params": [p for p in parameters.values() if p.dim() <= 1], "weight_decay": 0.0},
        ]
        adam = torch.optim.AdamW(groups, lr=config.lr, fused=True)
        return cls(adam, config.grad_clip, _base_rates=[(g, config.lr) for g in adam.param_groups])

    def add_fused(self, optimiser: KeyedOptimizer) -> None:
        """Schedule an optimiser that steps inside the backward pass together with the others."""
        self.fused.append(optimiser)
        self._base_rates += [(group, group["lr"]) for group in optimiser.param_groups]

    def schedule(self, factor: float) -> None:
        """Set every learning rate to `factor` times what it began with."""
        for group, base in self._base_rates:
            group["lr"] = base * factor
        for optimiser in self.fused:
            optimiser.step()  # hands the rate to the kernel; its weights move in the backward pass only

    def step(self) -> None:
        """Update the replicated weights from their gradients and clear those."""
        if self.clip is not None:
            self._clip(self.clip)
        self.adam.step()
        self.adam.zero_grad(set_to_none=True)

    def _clip(self, longest: float) -> None:
        """Shorten the gradient to a norm of `longest`, every rank by the same factor."""
        parameters = [p for g in self.adam.param_groups for p in g["params"]]
        held = {id(shard) for shard in self.shards}
        squares = _squares([p for p in parameters if id(p) not in held], parameters[0].device)
        if self.exchange is not None:
            squares = squares + self.exchange.sum(_squares(self.shards, squares.device))
        nn.utils.clip_grads_with_norm_(parameters, longest, squares.sqrt())


def _squares(parameters: Iterable[Tensor], device: torch.device) -> Tensor:
    """The squared norm of the gradients, a scalar."""
    found = [p.grad for p in parameters if p.grad is not None]
    return nn.utils.get_total_norm(found).square().to(device) if found else torch.zeros((), device=device)
