"""Cross-entropy over all items that makes its gradients on the way and holds no more than a block of the logits."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from engine.model.losses.vocabulary_blocks import blocks_of_items, can_keep, logits_of
from engine.model.thread_pool import side_by_side

_LEAST_ITEMS = 1024
_ROWS, _STRETCH = 16, 128
_LOG2_E = math.log2(math.e)
_LARGEST = 80.0  # e^80 is within float32, and so is its inverse


def full_softmax(hidden: Tensor, targets: Tensor, weights: Tensor, bias: Tensor) -> Tensor:
    """Sum over the targets of -log softmax(hidden · weights + bias)[target], a scalar.

    hidden: (targets, width); targets: (targets,) int64; weights: (items, width); bias: (items,), all float32. Goes
    backward once: its gradients are made going forward, and handed on.
    """
    return _FullSoftmax.apply(hidden, targets, weights, bias)


class _FullSoftmax(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, hidden: Tensor, targets: Tensor, weights: Tensor, bias: Tensor) -> Tensor:
        sums = OutputSums(torch.empty_like(weights), torch.empty_like(bias))
        loss, of_hidden = add_softmax(hidden, targets, Output(weights, bias), sums)
        sums.finish()
        ctx.save_for_backward(of_hidden, sums.weights, sums.bias)
        return loss

    @staticmethod
    def backward(ctx: Any, above: Tensor) -> tuple[Tensor | None, ...]:
        hidden, weights, bias = ctx.saved_tensors
        return hidden.mul_(above), None, weights.mul_(above), bias.mul_(above)


class Output:
    """The output layer as the softmax of a step sees it, ready for any number of hidden vectors.

    factor: the weights in a coarser type; products and exponentials are in it then, and sums over items and all that is
    given back stay in float32.
    """

    def __init__(self, weights: Tensor, bias: Tensor, factor: Tensor | None = None) -> None:
        self.weights, self.bias = weights, bias
        self.factor = weights if factor is None else factor
        self.kind = self.factor.dtype

    @cached_property
    def bias_of_powers(self) -> Tensor:
        """log2(e) times the biases."""
        return (self.bias * _LOG2_E).to(self.kind)

    @cached_property
    def largest(self) -> tuple[float, float]:
        """The largest norm of an item's weights, and the largest bias by size."""
        return float(self.weights.norm(dim=1).amax()), float(self.bias.abs().amax())


@dataclass
class OutputSums:
    """Gradients by the output layer's weights and biases, shaped as these; anything until something is added."""

    weights: Tensor
    bias: Tensor
    empty: bool = True

    def add(self, other: OutputSums) -> None:
        """Take in other gradients."""
        if other.empty:
            return
        for mine, theirs in ((self.weights, other.weights), (self.bias, other.bias)):
            mine.copy_(theirs) if self.empty else mine.add_(theirs)
        self.empty = False

    def finish(self) -> None:
        """Zeros where nothing was added."""
        if self.empty:
            self.weights.zero_(), self.bias.zero_()
            self.empty = False


@torch.no_grad()
def add_softmax(
    hidden: Tensor, targets: Tensor, output: Output, sums: OutputSums, weight: float = 1.0
) -> tuple[Tensor, Tensor]:
    """`weight` times the loss of `full_softmax`, a scalar, and its gradient by `hidden`; the others go to `sums`."""
    if not len(hidden):
        return hidden.new_zeros(()), hidden
    blocks = list(blocks_of_items(hidden, output.weights, _LEAST_ITEMS))
    if len(blocks) == 1:
        found = _at_once(hidden, targets, output, sums, weight)
    else:
        found = _by_blocks(hidden, targets, output, sums, weight, blocks)
    sums.empty = False
    return found


def _at_once(
    hidden: Tensor, targets: Tensor, output: Output, sums: OutputSums, weight: float
) -> tuple[Tensor, Tensor]:
    """Where all logits are one block: the fewest calls."""
    padded, wanted = _padded(hidden, output.kind), targets[:, None]
    logits = torch.addmm(output.bias.to(output.kind), padded, output.factor.t())[: len(hidden)].to(
        hidden.dtype
    )
    shares = logits.softmax(1)
    total = logits.amax(1) - shares.amax(1).log_()  # of the exponentials: share = e^(logit - total)
    loss = (total.sum() - logits.gather(1, wanted).sum()) * weight
    of_logits = shares.scatter_add_(1, wanted, shares.new_full((len(targets), 1), -1.0)).mul_(weight)
    torch.sum(of_logits, 0, out=sums.bias) if sums.empty else sums.bias.add_(of_logits.sum(0))
    of_logits = _padded(of_logits, output.kind)
    _put(sums.weights, of_logits.t(), padded, add=not sums.empty)
    return loss, (of_logits @ output.factor)[: len(hidden)].to(hidden.dtype)


def _by_blocks(
    hidden: Tensor, targets: Tensor, output: Output, sums: OutputSums, weight: float, blocks: list[slice]
) -> tuple[Tensor, Tensor]:
    """In two passes over blocks of items, sums first, then shares; each of torch's threads has blocks of its own."""
    kind, rows, powers = output.kind, len(hidden), _padded(hidden * _LOG2_E, output.kind)
    shift = _shift(hidden, output)
    if shift is not None:
        fill = len(powers) - rows
        shift = functional.pad(shift, (0, fill), value=math.inf)  # whose exponentials are 0
    hands = max(1, min(torch.get_num_threads(), len(blocks) // 2)) if hidden.device.type == "cpu" else 1
    each = -(-len(blocks) // hands)
    kept: dict[int, Tensor] | None = {} if can_keep(hidden, output.weights) else None
    work = [
        _Blocks(blocks[first : first + each], output, powers, shift, kept)
        for first in range(0, len(blocks), each)
    ]
    total = torch.stack(side_by_side([part.total for part in work])).sum(0)
    per_target = total.reciprocal().mul_(weight)
    per_target[rows:] = 0
    factor = _padded(hidden, kind) * per_target[:, None]
    found = side_by_side([partial(part.shares, factor, per_target, sums) for part in work])
    of_hidden = (torch.stack(found).sum(0) if len(found) > 1 else found[0])[:rows].mul_(
        per_target[:rows, None]
    )
    of_hidden.sub_(wanted := output.weights[targets], alpha=weight)
    sums.weights.index_add_(0, targets, hidden, alpha=-weight)
    sums.bias.index_add_(0, targets, hidden.new_ones(rows), alpha=-weight)
    scores = (hidden * wanted).sum(1) + output.bias[targets]
    logs = total[:rows].log() if shift is None else total[:rows].log() + shift[:rows]
    return (logs - scores).sum() * weight, of_hidden


@dataclass(frozen=True)
class _Blocks:
    """What one thread does of a softmax: some blocks of items.

    powers: log2(e) times the hidden vectors, (targets, width); shift: as of `_shift`; kept: where exponentials wait
    for the second pass, by the first item of each block, or None.
    """

    blocks: list[slice]
    output: Output
    powers: Tensor
    shift: Tensor | None
    kept: dict[int, Tensor] | None

    def total(self) -> Tensor:
        """The sum of the exponentials of each target: (targets,) float32."""
        total = self.powers.new_zeros(len(self.powers), dtype=self.output.weights.dtype)
        for block in self.blocks:
            exponentials = _exponentials(self.powers, self.output, block, self.shift)
            total += _sum(exponentials)
            if self.kept is not None:
                self.kept[block.start] = exponentials
        return total

    def shares(self, factor: Tensor, per_target: Tensor, sums: OutputSums) -> Tensor:
        """Exponentials times the blocks' weights, (targets, width) float32; the blocks' own gradients go to `sums`.

        factor: hidden vectors times `per_target`, (targets,), what each target's exponentials are to be multiplied by.
        """
        of_hidden = self.output.weights.new_zeros(factor.shape)
        for block in self.blocks:
            if self.kept is None:
                found = _exponentials(self.powers, self.output, block, self.shift)
            else:
                found = self.kept.pop(block.start)
            _put(of_hidden, found, self.output.factor[block], add=True)
            _put(sums.weights[block], found.t(), factor, add=not sums.empty)
            _put(sums.bias[None, block], per_target[None], found, add=not sums.empty)
        return of_hidden


def _shift(hidden: Tensor, output: Output) -> Tensor | None:
    """Each row's largest logit, (targets,), to subtract from all; None where logits are surely small enough without."""
    weights, bias = output.largest
    if float(hidden.norm(dim=1).amax()) * weights + bias + math.log(len(output.weights)) < _LARGEST:
        return None
    blocks = blocks_of_items(hidden, output.weights, _LEAST_ITEMS)
    found = [logits_of(hidden, output.weights, output.bias, block).amax(1) for block in blocks]
    return torch.stack(found).amax(0)


def _exponentials(hidden: Tensor, output: Output, block: slice, shift: Tensor | None) -> Tensor:
    """e^(logit - shift) of the block's items, where `hidden` is log2(e) times what it is in the logits.

    torch's 2^x takes a third of the time of its e^x on CPU (0.28 against 0.82 ns a number, AVX-512, float32).
    """
    logits = logits_of(hidden, output.factor, output.bias_of_powers, block)
    return (logits if shift is None else logits.sub_(shift[:, None], alpha=_LOG2_E)).exp2_()


def _sum(exponentials: Tensor) -> Tensor:
    """Of each row, in float32; by short stretches first, since torch would copy all of a bfloat16 tensor to float32."""
    rows, items = exponentials.shape
    if exponentials.dtype != torch.bfloat16 or items % _STRETCH:
        return exponentials.sum(1, dtype=torch.float32)
    return exponentials.view(rows, -1, _STRETCH).sum(2).sum(1, dtype=torch.float32)


def _padded(rows: Tensor, kind: torch.dtype) -> Tensor:
    """In another type, with rows of zeros up to a round number: oneDNN makes a bfloat16 kernel anew for every shape."""
    return rows if rows.dtype == kind else functional.pad(rows, (0, 0, 0, -len(rows) % _ROWS)).to(kind)


def _put(place: Tensor, left: Tensor, right: Tensor, add: bool) -> None:
    """Write left · right, multiplied in the coarser of their types, into a float32 place, or add it."""
    if left.dtype == right.dtype == place.dtype:
        torch.addmm(place, left, right, beta=add, out=place)
        return
    product = left.bfloat16() @ right.bfloat16()
    if add:
        place.add_(product)
    else:
        place.copy_(product)
