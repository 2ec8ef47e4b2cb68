"""The full softmax on CPU: as `losses.full_softmax`, with threads, bfloat16, and gradients that add up over calls."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property, partial

import torch
from torch import Tensor
from torch.nn import functional

from engine.model.losses import full_softmax
from engine.model.losses.full_softmax import LOG2_E, exponentials, largest_logits, norms_of
from engine.model.losses.vocabulary_blocks import blocks_of_items, can_keep
from engine.model.thread_pool import run_parallel

_ROW_MULTIPLE = (
    16  # oneDNN compiles a bfloat16 kernel for each shape, in a millisecond: few numbers of rows, few kernels
)
_SUM_STRETCH = 128  # bfloat16 numbers that torch adds before the sum continues in float32


class OutputLayer:
    """The output layer during a step, with what the softmax of any number of hidden vectors needs of it.

    compute_weights_VD: the weights in the dtype of products and exponentials; sums over items and all gradients stay
    in float32.
    """

    def __init__(self, weights_VD: Tensor, bias_V: Tensor, compute_weights_VD: Tensor | None = None) -> None:
        self.weights_VD, self.bias_V = weights_VD, bias_V
        self.compute_weights_VD = weights_VD if compute_weights_VD is None else compute_weights_VD
        self.dtype = self.compute_weights_VD.dtype

    @cached_property
    def scaled_bias_V(self) -> Tensor:
        """log2(e) times the biases, for powers of two."""
        return (self.bias_V * LOG2_E).to(self.dtype)

    @cached_property
    def norms(self) -> tuple[float, float]:
        """The largest norm of an item's weights, and the largest bias by size."""
        return norms_of(self.weights_VD, self.bias_V)


@dataclass
class OutputGradients:
    """Accumulated gradients by the output layer's weights and biases; arbitrary memory while `empty`."""

    weights_VD: Tensor
    bias_V: Tensor
    empty: bool = True

    def add(self, other: OutputGradients) -> None:
        """Add other gradients."""
        if other.empty:
            return
        for mine, theirs in ((self.weights_VD, other.weights_VD), (self.bias_V, other.bias_V)):
            mine.copy_(theirs) if self.empty else mine.add_(theirs)
        self.empty = False

    def finish(self) -> None:
        """Write zeros if nothing was added."""
        if self.empty:
            self.weights_VD.zero_(), self.bias_V.zero_()
            self.empty = False


@torch.no_grad()
def add_softmax(
    hidden_ND: Tensor, targets_N: Tensor, output: OutputLayer, gradients: OutputGradients, weight: float = 1.0
) -> tuple[Tensor, Tensor]:
    """Return `weight` times the full softmax's loss, and its gradient by the hidden vectors.

    The gradients by the output layer are added to `gradients`.
    """
    if not len(hidden_ND):
        return hidden_ND.new_zeros(()), hidden_ND
    blocks = list(blocks_of_items(hidden_ND, output.weights_VD, full_softmax.MIN_ITEMS))
    if len(blocks) == 1:
        loss_and_gradient = _at_once(hidden_ND, targets_N, output, gradients, weight)
    else:
        loss_and_gradient = _by_blocks(hidden_ND, targets_N, output, gradients, weight, blocks)
    gradients.empty = False
    return loss_and_gradient


def _at_once(
    hidden_ND: Tensor, targets_N: Tensor, output: OutputLayer, gradients: OutputGradients, weight: float
) -> tuple[Tensor, Tensor]:
    """Where all logits are one block: the fewest calls. P rows are N targets, filled up where bfloat16 wants that."""
    hidden_PD, target_column = _cast_rows(hidden_ND, output.dtype), targets_N[:, None]
    logits_PV = torch.addmm(output.bias_V.to(output.dtype), hidden_PD, output.compute_weights_VD.t())
    logits_NV = logits_PV[: len(hidden_ND)].to(hidden_ND.dtype)
    probabilities_NV = logits_NV.softmax(1)
    # log-sum-exp, from the softmax that is needed anyway: probability = e^(logit - log_sum)
    log_sums_N = logits_NV.amax(1) - probabilities_NV.amax(1).log_()
    loss = (log_sums_N.sum() - logits_NV.gather(1, target_column).sum()) * weight
    minus_one = probabilities_NV.new_full((len(targets_N), 1), -1.0)
    grad_logits_NV = probabilities_NV.scatter_add_(1, target_column, minus_one).mul_(weight)
    if gradients.empty:
        torch.sum(grad_logits_NV, 0, out=gradients.bias_V)
    else:
        gradients.bias_V.add_(grad_logits_NV.sum(0))
    grad_logits_PV = _cast_rows(grad_logits_NV, output.dtype)
    _write_product(gradients.weights_VD, grad_logits_PV.t(), hidden_PD, add=not gradients.empty)
    return loss, (grad_logits_PV @ output.compute_weights_VD)[: len(hidden_ND)].to(hidden_ND.dtype)


def _by_blocks(
    hidden_ND: Tensor,
    targets_N: Tensor,
    output: OutputLayer,
    gradients: OutputGradients,
    weight: float,
    blocks: list[slice],
) -> tuple[Tensor, Tensor]:
    """In two passes over blocks of items, each thread with blocks of its own: sums of exponentials, then gradients."""
    targets = len(hidden_ND)
    shift_N = largest_logits(hidden_ND, output.weights_VD, output.bias_V, output.norms)
    workers = _workers_of(hidden_ND, output, shift_N, blocks)
    sums_P = torch.stack(run_parallel([worker.sum_exponentials for worker in workers])).sum(0)
    inverse_P = sums_P.reciprocal().mul_(weight)
    inverse_P[targets:] = 0  # rows that only fill up
    inverse_hidden_PD = _cast_rows(hidden_ND, output.dtype) * inverse_P[:, None]
    parts = run_parallel(
        [partial(worker.add_gradients, inverse_hidden_PD, inverse_P, gradients) for worker in workers]
    )
    grad_hidden_PD = torch.stack(parts).sum(0) if len(parts) > 1 else parts[0]
    grad_hidden_ND = grad_hidden_PD[:targets].mul_(inverse_P[:targets, None])
    # the part of the targets' own scores, exact in float32
    target_weights_ND = output.weights_VD[targets_N]
    grad_hidden_ND.sub_(target_weights_ND, alpha=weight)
    gradients.weights_VD.index_add_(0, targets_N, hidden_ND, alpha=-weight)
    gradients.bias_V.index_add_(0, targets_N, hidden_ND.new_ones(targets), alpha=-weight)
    scores_N = (hidden_ND * target_weights_ND).sum(1) + output.bias_V[targets_N]
    log_sums_N = sums_P[:targets].log() if shift_N is None else sums_P[:targets].log() + shift_N
    return (log_sums_N - scores_N).sum() * weight, grad_hidden_ND


def _workers_of(
    hidden_ND: Tensor, output: OutputLayer, shift_N: Tensor | None, blocks: list[slice]
) -> list[_Worker]:
    """Divide blocks among threads, at least two each."""
    scaled_PD = _cast_rows(hidden_ND * LOG2_E, output.dtype)
    if shift_N is None:
        shift_P = None
    else:
        filling = len(scaled_PD) - len(hidden_ND)
        shift_P = functional.pad(shift_N, (0, filling), value=math.inf)  # exponentials of filling rows are 0
    retained: dict[int, Tensor] | None = {} if can_keep(hidden_ND, output.weights_VD) else None
    count = max(1, min(torch.get_num_threads(), len(blocks) // 2))
    each = -(-len(blocks) // count)
    return [
        _Worker(blocks[first : first + each], output, scaled_PD, shift_P, retained)
        for first in range(0, len(blocks), each)
    ]


@dataclass(frozen=True)
class _Worker:
    """One thread's share of a softmax: some blocks of items.

    scaled_PD: log2(e) times the hidden vectors; shift_P: as of `largest_logits`; retained: exponentials that wait for
    the second pass, by the first item of each block, or None.
    """

    blocks: list[slice]
    output: OutputLayer
    scaled_PD: Tensor
    shift_P: Tensor | None
    retained: dict[int, Tensor] | None

    def sum_exponentials(self) -> Tensor:
        """Return the sum of each row's exponentials over the blocks: (P,) float32."""
        sums_P = self.scaled_PD.new_zeros(len(self.scaled_PD), dtype=self.output.weights_VD.dtype)
        for block in self.blocks:
            exponentials_PV = self._exponentials(block)
            sums_P += _sum_rows(exponentials_PV)
            if self.retained is not None:
                self.retained[block.start] = exponentials_PV
        return sums_P

    def add_gradients(
        self, inverse_hidden_PD: Tensor, inverse_P: Tensor, gradients: OutputGradients
    ) -> Tensor:
        """Add the blocks' gradients to `gradients`. Return exponentials times the blocks' weights, (P, D) float32.

        inverse_P: the reciprocals of the rows' sums, which make exponentials probabilities; inverse_hidden_PD: hidden
        vectors times these, which is cheaper than multiplying all exponentials.
        """
        grad_hidden_PD = self.output.weights_VD.new_zeros(inverse_hidden_PD.shape)
        for block in self.blocks:
            retained = self.retained
            exponentials_PV = self._exponentials(block) if retained is None else retained.pop(block.start)
            add = not gradients.empty
            _write_product(grad_hidden_PD, exponentials_PV, self.output.compute_weights_VD[block], add=True)
            _write_product(gradients.weights_VD[block], exponentials_PV.t(), inverse_hidden_PD, add=add)
            _write_product(gradients.bias_V[None, block], inverse_P[None], exponentials_PV, add=add)
        return grad_hidden_PD

    def _exponentials(self, block: slice) -> Tensor:
        output = self.output
        return exponentials(
            self.scaled_PD, output.compute_weights_VD, output.scaled_bias_V, block, self.shift_P
        )


def _sum_rows(exponentials_PV: Tensor) -> Tensor:
    """Return each row's sum in float32; by stretches first, since torch would copy a bfloat16 tensor to sum it."""
    rows, items = exponentials_PV.shape
    if exponentials_PV.dtype != torch.bfloat16 or items % _SUM_STRETCH:
        return exponentials_PV.sum(1, dtype=torch.float32)
    return exponentials_PV.view(rows, -1, _SUM_STRETCH).sum(2).sum(1, dtype=torch.float32)


def _cast_rows(rows_ND: Tensor, dtype: torch.dtype) -> Tensor:
    """Return the rows in another dtype, filled up with rows of zeros to a multiple of `_ROW_MULTIPLE`: (P, D)."""
    if rows_ND.dtype == dtype:
        return rows_ND
    return functional.pad(rows_ND, (0, 0, 0, -len(rows_ND) % _ROW_MULTIPLE)).to(dtype)


def _write_product(out: Tensor, left: Tensor, right: Tensor, add: bool) -> None:
    """Write left · right to float32 memory, or add it there; in bfloat16 unless both are in float32."""
    if left.dtype == right.dtype == out.dtype:
        torch.addmm(out, left, right, beta=add, out=out)
        return
    product = left.bfloat16() @ right.bfloat16()
    if add:
        out.add_(product)
    else:
        out.copy_(product)
