"""Initial weights: truncated normal numbers that any shard of a table can draw for itself."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor, nn

from engine.data.counter_rng import uniforms

STD = 0.02  # Sun et al. 2019, section 4.4; truncated at two deviations as in BERT
_CELLS = 1 << 20  # numbers drawn at a time
_SHRUNK = 0.8796  # standard deviation after truncation, as a share of that before
_BELOW = 0.5 * (1 + math.erf(-2 / math.sqrt(2)))  # share of a normal distribution below -2 deviations


def truncated_normal(seed: int, name: str, rows: range, columns: range) -> Tensor:
    """Return rows × columns of a table whose number at (row, column) depends on (seed, name, row, column) alone.

    They are (len(rows), len(columns)) float32 with mean 0 and deviation 0.02 before truncation at ±0.04, made by
    inverting the normal distribution function.
    """
    row = np.arange(rows.start, rows.stop, dtype=np.uint64)[:, None]
    column = np.arange(columns.start, columns.stop, dtype=np.uint64)[None, :]
    share = torch.from_numpy(_BELOW + (1 - 2 * _BELOW) * uniforms(seed, name, row, column))
    return (torch.erfinv(2 * share - 1) * (STD * math.sqrt(2))).float().clamp_(-2 * STD, 2 * STD)


@torch.no_grad()
def initialise_dense(
    module: nn.Module, seed: int, first_rows: Mapping[str, int] | None = None, by_width: bool = False
) -> None:
    """Fill every dense parameter of `module`, each by its own name: matrices truncated normal, biases 0.

    Layer norms keep their ones and zeros. Tables on the meta device are left to what materialises them.
    first_rows: for parameters that are part of a longer table, the row of it that they begin with. by_width: give
    linear layers the deviation √(2 / (inputs + outputs)) of Glorot & Bengio (AISTATS 2010) instead.
    """
    for name, parameter in module.named_parameters():
        if parameter.is_meta:
            continue
        if parameter.dim() == 2:
            first = (first_rows or {}).get(name, 0)
            fill_rows(parameter, seed, name, first, range(parameter.shape[1]))
        elif name.endswith("bias"):
            parameter.zero_()
    if by_width:
        for layer in (layer for layer in module.modules() if isinstance(layer, nn.Linear)):
            layer.weight.mul_(math.sqrt(2 / sum(layer.weight.shape)) / (STD * _SHRUNK))


@torch.no_grad()
def fill_rows(target: Tensor, seed: int, name: str, first: int, columns: range) -> None:
    """Set `target` to the rows from `first` on and the columns of a table, one block at a time.

    Numbers are drawn as float64 and copied, which takes too much memory for a large table at once.
    """
    size = max(1, _CELLS // max(1, len(columns)))
    for row in range(0, len(target), size):
        block = target[row : row + size]
        block.copy_(truncated_normal(seed, name, range(first + row, first + row + len(block)), columns))
