"""Layers with their gradients written out, for training on CPU: a few calls each, and none of autograd's own.

A layer returns its output and its vjp (vector-Jacobian product), which turns the gradient of a scalar by the output
into that by the input and on the way adds the gradients by the layer's weights to a `GradientAccumulator`. All run
without autograd, in any float dtype.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch._utils import _unflatten_dense_tensors
from torch.nn import functional

Vjp = Callable[[Tensor], Tensor]
Layer = Callable[[Tensor], tuple[Tensor, Vjp]]

_norm_backward = torch.ops.aten.native_layer_norm_backward.default
_gelu_backward = torch.ops.aten.gelu_backward.default


class GradientAccumulator:
    """Gradients of parameters so far, all of one dtype. Vjps leave theirs here; `flush` adds them up.

    compute_parameters: copies of the parameters in the dtype of products, where that is another. Each parameter is
    in one product per chunk.
    """

    def __init__(
        self, parameters: Sequence[Tensor], compute_parameters: Sequence[Tensor] | None = None
    ) -> None:
        numbers = sum(parameter.numel() for parameter in parameters)
        # one tensor for all, so that workers' gradients are added in one call
        self.flat = parameters[0].new_zeros(numbers)
        self.gradients = _views(self.flat, parameters)
        compute_parameters = parameters if compute_parameters is None else compute_parameters
        self.dtype = compute_parameters[0].dtype
        # bfloat16 products cannot be added into float32: they are written here first
        same = self.dtype == self.flat.dtype
        self._products = None if same else self.flat.new_zeros(numbers, dtype=self.dtype)
        products = self.gradients if self._products is None else _views(self._products, parameters)
        entries = zip(compute_parameters, products, self.gradients, strict=True)
        self._entries = dict(zip(map(id, parameters), entries, strict=True))
        self._pending: list[tuple[Tensor, Tensor]] = []

    def gradient(self, parameter: Tensor) -> Tensor:
        """Return the gradient of a parameter, to add to."""
        return self._entries[id(parameter)][2]

    def add_later(self, gradient: Tensor, part: Tensor) -> None:
        """Add `part` to a gradient at the next `flush`."""
        self._pending.append((gradient, part))

    def flush(self) -> None:
        """Add what vjps left since the last time, in as few calls as possible."""
        if self._pending:
            gradients, parts = zip(*self._pending, strict=True)
            torch._foreach_add_(gradients, parts)
            self._pending = []
        if self._products is not None:
            self.flat.add_(self._products)  # 0 for parameters that are in no product

    def affine(self, layer: nn.Linear) -> Affine:
        """Return a linear layer as one with a vjp."""
        (weight, grad_weight, _), (bias, grad_bias, _) = (
            self._entries[id(layer.weight)],
            self._entries[id(layer.bias)],
        )
        return Affine(weight, bias, grad_weight, grad_bias, self)

    def norm(self, layer: nn.Module) -> Layer:
        """Return a layer norm, or the identity, as a layer with a vjp."""
        if not isinstance(layer, nn.LayerNorm):
            return lambda x: (x, lambda grad_output: grad_output)
        return _Norm(layer, self)


def copies_in(dtype: torch.dtype, parameters: Sequence[Tensor]) -> Sequence[Tensor]:
    """Return copies of parameters in another dtype, one after another in memory."""
    flat = parameters[0].new_empty(sum(parameter.numel() for parameter in parameters), dtype=dtype)
    copies = _views(flat, parameters)
    torch._foreach_copy_(list(copies), list(parameters))
    return copies


def _views(flat: Tensor, like: Sequence[Tensor]) -> Sequence[Tensor]:
    views: Sequence[Tensor] = _unflatten_dense_tensors(flat, like)
    return views


@dataclass(frozen=True)
class Affine:
    """x · weight + bias: (T, inputs) → (T, outputs), in the dtype of the weight."""

    weight: Tensor
    bias: Tensor
    grad_weight: Tensor
    grad_bias: Tensor
    accumulator: GradientAccumulator

    def outputs(self, first: int, last: int) -> Affine:
        """Return the part that computes some of the outputs."""
        some = slice(first, last)
        return Affine(
            self.weight[some],
            self.bias[some],
            self.grad_weight[some],
            self.grad_bias[some],
            self.accumulator,
        )

    def __call__(self, x: Tensor) -> tuple[Tensor, Vjp]:
        """Return the products, and their vjp."""

        def vjp(grad_output: Tensor) -> Tensor:
            if self.accumulator.dtype == self.accumulator.flat.dtype:
                # multiplied and added in one pass; biases are small, so all of them are added in one call
                self.grad_weight.addmm_(grad_output.t(), x)
                self.accumulator.add_later(self.grad_bias, grad_output.sum(0))
            else:  # memory for products, which `flush` adds
                torch.mm(grad_output.t(), x, out=self.grad_weight)
                torch.sum(grad_output, 0, out=self.grad_bias)
            return grad_output @ self.weight

        return torch.addmm(self.bias, x, self.weight.t()), vjp


@dataclass(frozen=True)
class _Norm:
    layer: nn.LayerNorm
    accumulator: GradientAccumulator

    def __call__(self, x: Tensor) -> tuple[Tensor, Vjp]:
        layer, shape = self.layer, list(self.layer.normalized_shape)
        weight, bias = layer.weight, layer.bias  # in float32: the kernel takes it with bfloat16 tokens
        normed, mean, rstd = torch.native_layer_norm(x, shape, weight, bias, layer.eps)

        def vjp(grad_output: Tensor) -> Tensor:
            saved = (mean, rstd, weight, bias)
            # [True] * 3: gradients by the input, the weight and the bias are all wanted
            grad_x, grad_weight, grad_bias = _norm_backward(grad_output, x, shape, *saved, [True] * 3)
            self.accumulator.add_later(self.accumulator.gradient(weight), grad_weight)
            self.accumulator.add_later(self.accumulator.gradient(bias), grad_bias)
            return grad_x

        return normed, vjp


def gelu(x: Tensor) -> tuple[Tensor, Vjp]:
    """Apply GELU by the error function, a layer."""
    return functional.gelu(x), lambda grad_output: _gelu_backward(grad_output, x)


def chain(*layers: Layer) -> Layer:
    """Return the layer that applies these one after another."""

    def run(x: Tensor) -> tuple[Tensor, Vjp]:
        vjps = []
        for layer in layers:
            x, vjp = layer(x)
            vjps.append(vjp)

        def chained_vjp(grad_output: Tensor) -> Tensor:
            for vjp in reversed(vjps):
                grad_output = vjp(grad_output)
            return grad_output

        return x, chained_vjp

    return run


def masked(values: Tensor, mask: Tensor | None) -> Tensor:
    """Return values, or a gradient by them, times a dropout mask; None drops nothing."""
    return values if mask is None else values * mask


def dropout(mask: Tensor | None) -> Layer:
    """Return the layer of dropout by a mask, as of `dropout_masks`."""
    return lambda x: (masked(x, mask), lambda grad_output: masked(grad_output, mask))


def residual(inner: Layer, mask: Tensor | None, queries_N: Tensor | None = None) -> Layer:
    """Return x + masked(inner(x)) as a layer; where `inner` returns only the tokens `queries_N`, that of those."""

    def run(x: Tensor) -> tuple[Tensor, Vjp]:
        inner_output, inner_vjp = inner(x)
        x = x if queries_N is None else x.index_select(0, queries_N)

        def vjp(grad_output: Tensor) -> Tensor:
            return add_at(inner_vjp(masked(grad_output, mask)), grad_output, queries_N)

        # addcmul masks and adds in one pass
        return x + inner_output if mask is None else torch.addcmul(x, inner_output, mask), vjp

    return run


def cast_and_fill(dtype: torch.dtype, rows: int) -> Layer:
    """Return the layer that casts tokens to another dtype and fills them up with zeros to so many rows."""

    def run(x: Tensor) -> tuple[Tensor, Vjp]:
        count, input_dtype = len(x), x.dtype
        return _filled(x, dtype, rows), lambda grad_output: grad_output[:count].to(input_dtype)

    return run


def cast_and_cut(dtype: torch.dtype, count: int) -> Layer:
    """Return the layer that casts the first `count` tokens to another dtype; the inverse of `cast_and_fill`."""

    def run(x: Tensor) -> tuple[Tensor, Vjp]:
        rows, input_dtype = len(x), x.dtype
        return x[:count].to(dtype), lambda grad_output: _filled(grad_output, input_dtype, rows)

    return run


def _filled(x: Tensor, dtype: torch.dtype, rows: int) -> Tensor:
    filled = x.new_zeros((rows, x.shape[1]), dtype=dtype)
    filled[: len(x)] = x
    return filled


def add_at(total: Tensor, part: Tensor, rows: Tensor | None) -> Tensor:
    """Add a part to chosen rows of the total, all of them where `rows` is None, in place."""
    return total.add_(part) if rows is None else total.index_add_(0, rows, part)
