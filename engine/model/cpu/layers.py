"""Layers with their gradients written out, for training on CPU: a few calls each, and none of autograd's own.

A layer gives its result and its pullback, which takes the gradient of a scalar by the result to that by the input.
On the way it adds the gradients by the layer's weights to `Sums`. All run without autograd, in any float type.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch._utils import _unflatten_dense_tensors
from torch.nn import functional

Pullback = Callable[[Tensor], Tensor]
Layer = Callable[[Tensor], tuple[Tensor, Pullback]]

_norm_backward = torch.ops.aten.native_layer_norm_backward.default
_gelu_backward = torch.ops.aten.gelu_backward.default


class Sums:
    """Gradients of parameters so far, all of one type. Pullbacks leave theirs here; `settle` adds them up.

    factors: what products multiply with in place of parameters, in another type; each is in one product of a piece.
    """

    def __init__(self, parameters: Sequence[Tensor], factors: Sequence[Tensor] | None = None) -> None:
        numbers = sum(parameter.numel() for parameter in parameters)
        self.flat = parameters[0].new_zeros(numbers)  # all gradients in one
        self.gradients = _parts(self.flat, parameters)
        factors = parameters if factors is None else factors
        self.kind = factors[0].dtype
        self._products = (
            None if self.kind == self.flat.dtype else self.flat.new_zeros(numbers, dtype=self.kind)
        )
        products = self.gradients if self._products is None else _parts(self._products, parameters)
        parts = zip(factors, products, self.gradients, strict=True)
        self._places = dict(zip(map(id, parameters), parts, strict=True))
        self._later: list[tuple[Tensor, Tensor]] = []

    def of(self, parameter: Tensor) -> Tensor:
        """The gradient of a parameter, to add to."""
        return self._places[id(parameter)][2]

    def later(self, gradient: Tensor, part: Tensor) -> None:
        """Add `part` to a gradient when all is settled."""
        self._later.append((gradient, part))

    def settle(self) -> None:
        """Add what pullbacks left since the last time, in as few calls as it takes."""
        if self._later:
            gradients, parts = zip(*self._later, strict=True)
            torch._foreach_add_(gradients, parts)
            self._later = []
        if self._products is not None:
            self.flat.add_(self._products)  # what no product was written to is 0

    def affine(self, layer: nn.Linear) -> Affine:
        """A linear layer as one with a pullback."""
        (weight, of_weight, _), (bias, of_bias, _) = (
            self._places[id(layer.weight)],
            self._places[id(layer.bias)],
        )
        return Affine(weight, bias, of_weight, of_bias, self)

    def norm(self, layer: nn.Module) -> Layer:
        """A layer norm, or nothing where the layer is an identity, with a pullback."""
        if not isinstance(layer, nn.LayerNorm):
            return lambda tokens: (tokens, lambda above: above)
        return _Norm(layer, self)


def coarser(parameters: Sequence[Tensor], kind: torch.dtype) -> Sequence[Tensor]:
    """Copies of parameters in another type, one after another in memory."""
    flat = parameters[0].new_empty(sum(parameter.numel() for parameter in parameters), dtype=kind)
    parts = _parts(flat, parameters)
    torch._foreach_copy_(list(parts), list(parameters))
    return parts


def _parts(flat: Tensor, like: Sequence[Tensor]) -> Sequence[Tensor]:
    parts: Sequence[Tensor] = _unflatten_dense_tensors(flat, like)
    return parts


@dataclass(frozen=True)
class Affine:
    """tokens · weight + bias: (tokens, inputs) → (tokens, outputs), in the type of the weight."""

    weight: Tensor
    bias: Tensor
    of_weight: Tensor
    of_bias: Tensor
    sums: Sums

    def outputs(self, first: int, last: int) -> Affine:
        """The part that makes some of the outputs."""
        some = slice(first, last)
        return Affine(self.weight[some], self.bias[some], self.of_weight[some], self.of_bias[some], self.sums)

    def __call__(self, tokens: Tensor) -> tuple[Tensor, Pullback]:
        """The products, and their pullback."""

        def back(above: Tensor) -> Tensor:
            if self.sums.kind == self.sums.flat.dtype:
                self.of_weight.addmm_(above.t(), tokens)
                self.sums.later(self.of_bias, above.sum(0))
            else:
                torch.mm(above.t(), tokens, out=self.of_weight)
                torch.sum(above, 0, out=self.of_bias)
            return above @ self.weight

        return torch.addmm(self.bias, tokens, self.weight.t()), back


@dataclass(frozen=True)
class _Norm:
    layer: nn.LayerNorm
    sums: Sums

    def __call__(self, tokens: Tensor) -> tuple[Tensor, Pullback]:
        layer, shape = self.layer, list(self.layer.normalized_shape)
        weight, bias = layer.weight, layer.bias
        normed, mean, rstd = torch.native_layer_norm(tokens, shape, weight, bias, layer.eps)

        def back(above: Tensor) -> Tensor:
            factors = (mean, rstd, weight, bias)
            of_tokens, of_weight, of_bias = _norm_backward(above, tokens, shape, *factors, [True] * 3)
            self.sums.later(self.sums.of(weight), of_weight)
            self.sums.later(self.sums.of(bias), of_bias)
            return of_tokens

        return normed, back


def gelu(tokens: Tensor) -> tuple[Tensor, Pullback]:
    """GELU by the error function."""
    return functional.gelu(tokens), lambda above: _gelu_backward(above, tokens)


def chain(*layers: Layer) -> Layer:
    """One layer after another."""

    def run(tokens: Tensor) -> tuple[Tensor, Pullback]:
        backs = []
        for layer in layers:
            tokens, back = layer(tokens)
            backs.append(back)

        def all_back(above: Tensor) -> Tensor:
            for back in reversed(backs):
                above = back(above)
            return above

        return tokens, all_back

    return run


def dropped(values: Tensor, kept: Tensor | None) -> Tensor:
    """Values, or a gradient by them, times `kept`: 0 where dropped, the scale elsewhere; None drops nothing."""
    return values if kept is None else values * kept


def drop(kept: Tensor | None) -> Layer:
    """Dropout by `kept`, as in `dropped`."""
    return lambda tokens: (dropped(tokens, kept), lambda above: dropped(above, kept))


def residual(inner: Layer, kept: Tensor | None, wanted: Tensor | None = None) -> Layer:
    """tokens + dropped(inner(tokens)); where `inner` gives only the tokens `wanted`, (wanted,) int64, that of those."""

    def run(tokens: Tensor) -> tuple[Tensor, Pullback]:
        found, back = inner(tokens)
        tokens = tokens if wanted is None else tokens.index_select(0, wanted)

        def both_back(above: Tensor) -> Tensor:
            return add_at(back(dropped(above, kept)), above, wanted)

        return tokens + found if kept is None else torch.addcmul(tokens, found, kept), both_back

    return run


def coarsened(kind: torch.dtype, rows: int) -> Layer:
    """Tokens in another type, with zeros in rows that fill them up to `rows`."""

    def run(tokens: Tensor) -> tuple[Tensor, Pullback]:
        count, before = len(tokens), tokens.dtype
        return _filled(tokens, kind, rows), lambda above: above[:count].to(before)

    return run


def refined(kind: torch.dtype, count: int) -> Layer:
    """The first `count` tokens in another type; the inverse of `coarsened`."""

    def run(tokens: Tensor) -> tuple[Tensor, Pullback]:
        rows, before = len(tokens), tokens.dtype
        return tokens[:count].to(kind), lambda above: _filled(above, before, rows)

    return run


def _filled(tokens: Tensor, kind: torch.dtype, rows: int) -> Tensor:
    filled = tokens.new_zeros((rows, tokens.shape[1]), dtype=kind)
    filled[: len(tokens)] = tokens
    return filled


def add_at(total: Tensor, part: Tensor, places: Tensor | None) -> Tensor:
    """Add rows to those at `places`, all of them where it is None, in place."""
    return total.add_(part) if places is None else total.index_add_(0, places, part)
