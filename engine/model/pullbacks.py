"""Layers with their gradients written out, for training on CPU: a few calls each, and none of autograd's own.

A layer gives its result and its pullback, which takes the gradient of a scalar by the result to that by the input.
On the way it adds the gradients by the layer's weights to `Sums`. All run without autograd, in any float type.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch._utils import _flatten_dense_tensors, _unflatten_dense_tensors
from torch.nn import functional

Pullback = Callable[[Tensor], Tensor]
Layer = Callable[[Tensor], tuple[Tensor, Pullback]]

_norm_backward = torch.ops.aten.native_layer_norm_backward.default
_gelu_backward = torch.ops.aten.gelu_backward.default


class Sums:
    """Gradients of parameters so far, all of one type, to which pullbacks add; products are in `kind`."""

    def __init__(self, parameters: Sequence[Tensor], kind: torch.dtype | None = None) -> None:
        numbers = sum(parameter.numel() for parameter in parameters)
        self.flat = parameters[0].new_zeros(numbers)  # all gradients in one
        self.gradients = _parts(self.flat, parameters)
        self.kind = kind or parameters[0].dtype
        factors = parameters if self.kind == parameters[0].dtype else _coarser(parameters, self.kind)
        self._places = dict(zip(map(id, parameters), zip(factors, self.gradients, strict=True), strict=True))

    def of(self, parameter: Tensor) -> Tensor:
        """The gradient of a parameter, to add to."""
        return self._places[id(parameter)][1]

    def affine(self, layer: nn.Linear) -> Affine:
        """A linear layer as one with a pullback."""
        (weight, of_weight), (bias, of_bias) = self._places[id(layer.weight)], self._places[id(layer.bias)]
        return Affine(weight, bias, of_weight, of_bias)

    def norm(self, layer: nn.Module) -> Layer:
        """A layer norm, or nothing where the layer is an identity, with a pullback."""
        if not isinstance(layer, nn.LayerNorm):
            return lambda tokens: (tokens, lambda above: above)
        return _Norm(layer, self.of(layer.weight), self.of(layer.bias))


def _parts(flat: Tensor, like: Sequence[Tensor]) -> Sequence[Tensor]:
    parts: Sequence[Tensor] = _unflatten_dense_tensors(flat, like)
    return parts


def _coarser(parameters: Sequence[Tensor], kind: torch.dtype) -> Sequence[Tensor]:
    return _parts(_flatten_dense_tensors(parameters).to(kind), parameters)


@dataclass(frozen=True)
class Affine:
    """tokens · weight + bias: (tokens, inputs) → (tokens, outputs), in the type of the weight."""

    weight: Tensor
    bias: Tensor
    of_weight: Tensor
    of_bias: Tensor

    def outputs(self, first: int, last: int) -> Affine:
        """The part that makes some of the outputs."""
        parts = (self.weight, self.bias, self.of_weight, self.of_bias)
        return Affine(*(part[first:last] for part in parts))

    def __call__(self, tokens: Tensor) -> tuple[Tensor, Pullback]:
        """The products, and their pullback."""

        def back(above: Tensor) -> Tensor:
            if self.of_weight.dtype == above.dtype:
                self.of_weight.addmm_(above.t(), tokens)
            else:
                self.of_weight.add_(above.t() @ tokens)
            self.of_bias.add_(above.sum(0, dtype=self.of_bias.dtype))
            return above @ self.weight

        return torch.addmm(self.bias, tokens, self.weight.t()), back


@dataclass(frozen=True)
class _Norm:
    layer: nn.LayerNorm
    of_weight: Tensor
    of_bias: Tensor

    def __call__(self, tokens: Tensor) -> tuple[Tensor, Pullback]:
        layer, shape = self.layer, list(self.layer.normalized_shape)
        normed, mean, rstd = torch.native_layer_norm(tokens, shape, layer.weight, layer.bias, layer.eps)

        def back(above: Tensor) -> Tensor:
            factors = (mean, rstd, layer.weight, layer.bias)
            of_tokens, of_weight, of_bias = _norm_backward(above, tokens, shape, *factors, [True] * 3)
            self.of_weight.add_(of_weight)
            self.of_bias.add_(of_bias)
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
        count, finer = len(tokens), tokens.dtype
        return _filled(tokens, kind, rows), lambda above: above[:count].to(finer)

    return run


def refined(kind: torch.dtype, count: int) -> Layer:
    """The first `count` tokens in another type; the inverse of `coarsened`."""

    def run(tokens: Tensor) -> tuple[Tensor, Pullback]:
        rows, coarser = len(tokens), tokens.dtype
        return tokens[:count].to(kind), lambda above: _filled(above, coarser, rows)

    return run


def _filled(tokens: Tensor, kind: torch.dtype, rows: int) -> Tensor:
    filled = tokens.new_zeros((rows, tokens.shape[1]), dtype=kind)
    filled[: len(tokens)] = tokens
    return filled


def add_at(total: Tensor, part: Tensor, places: Tensor | None) -> Tensor:
    """Add rows to those at `places`, all of them where it is None, in place."""
    return total.add_(part) if places is None else total.index_add_(0, places, part)
