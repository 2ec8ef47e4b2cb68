"""Memory for the gradients of large parameters that is used again at every step."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Room:
    """Tensors like parameters, whose memory stays where it is.

    Memory that a step asks for anew the system has to find and to clear: of the 14 MB of a table of 54,543 items that
    took 13 ms in a step of 80.
    """

    def __init__(self) -> None:
        self._held: dict[tuple[int, int], Tensor] = {}
        self._lent: set[tuple[int, int]] = set()
        self._coarser: dict[int, Tensor] = {}

    def gradient_of(self, parameter: nn.Parameter, number: int = 0) -> Tensor:
        """Memory shaped as `parameter`, with anything in it; the same every time for the same two arguments.

        Memory that is still the parameter's gradient, or not yet `handed_over`, is left alone, and what is given is
        made anew. It is a view, which autograd takes for a gradient without copying it.
        """
        key = (id(parameter), number)
        if parameter.grad is not None or key in self._lent:
            return torch.empty_like(parameter)
        self._lent.add(key)
        if key not in self._held:
            self._held[key] = torch.empty_like(parameter, requires_grad=False)
        return self._held[key].view_as(parameter)

    def handed_over(self) -> None:
        """Say that autograd has the gradients that were made, or that nobody wants them."""
        self._lent.clear()

    def coarser(self, parameter: nn.Parameter) -> Tensor:
        """The parameter's numbers now in bfloat16, until the next call."""
        if id(parameter) not in self._coarser:
            self._coarser[id(parameter)] = torch.empty_like(
                parameter, dtype=torch.bfloat16, requires_grad=False
            )
        return self._coarser[id(parameter)].copy_(parameter.detach())
