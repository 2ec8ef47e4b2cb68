"""AdamW without per-step overhead, which would dominate the step of a small model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor


class FusedAdamW(torch.optim.AdamW):
    """torch's fused AdamW with the same state and numbers, but without the overhead around its kernel on CPU.

    In every step torch groups the tensors by device and dtype, and increments the step count of each parameter on
    its own; for a small model this takes longer than the kernel. Here all counts are views of one tensor, which is
    incremented once.
    """

    _counts: Tensor | None = None  # the step counts of all parameters; each parameter's state holds a view

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update the parameters; falls back to torch's step without state, on other devices or without gradients."""
        everything = [p for group in self.param_groups for p in group["params"]]
        if closure or not all(p.grad is not None and p.is_cpu and p in self.state for p in everything):
            return super().step(closure)
        if self._counts is None:
            self._share_counts(everything)
        self._counts.add_(1)  # type: ignore[union-attr]
        for group in self.param_groups:
            self._step_group(group)
        return None

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Load the state as torch does, and drop the shared step counts, which it replaces."""
        super().load_state_dict(state_dict)
        self._counts = None

    def _share_counts(self, parameters: list[Tensor]) -> None:
        self._counts = torch.stack([self.state[p]["step"] for p in parameters])
        for parameter, count in zip(parameters, self._counts.unbind(), strict=True):
            self.state[parameter]["step"] = count

    def _step_group(self, group: dict[str, Any]) -> None:
        parameters = group["params"]
        states = [self.state[p] for p in parameters]
        torch._fused_adamw_(
            parameters,
            [p.grad for p in parameters],
            [state["exp_avg"] for state in states],
            [state["exp_avg_sq"] for state in states],
            [],
            [state["step"] for state in states],
            lr=group["lr"],
            beta1=group["betas"][0],
            beta2=group["betas"][1],
            weight_decay=group["weight_decay"],
            eps=group["eps"],
            amsgrad=False,
            maximize=False,
        )
