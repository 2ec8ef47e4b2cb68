"""AdamW that costs a small model no more than its arithmetic."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor


class AdamW(torch.optim.AdamW):
    """torch's fused AdamW, same state and numbers, without what surrounds its kernel on CPU.

    Of each step torch sorts the tensors by device and type and counts the steps of each parameter by itself, which a
    small model waits for longer than for the kernel. Here the counts lie in one tensor, and all are raised at once.
    """

    _counts: Tensor | None = None  # the steps of all parameters, which each one's state has a view of

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """A step; torch's own where there is no state yet, on other devices, or where gradients are missing."""
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
        """As torch's."""
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
