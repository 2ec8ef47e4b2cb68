"""Attention with dropout against the same written with torch's own differentiable operations."""

import numpy as np
import pytest
import torch

from engine.model.cpu.attention import attend, padding_bias

ROWS, HEADS, KEYS, WIDTH = 4, 2, 5, 8
PADDED = np.arange(KEYS) < np.array([5, 1, 3, 4])[:, None]


def by_definition(query, key, value, keys_shown, mask):
    scores = query @ key.transpose(1, 2) * query.shape[-1] ** -0.5
    if keys_shown is not None:
        hidden = torch.from_numpy(~keys_shown).repeat_interleave(HEADS, 0)[:, None]
        scores = scores.masked_fill(hidden, -torch.inf)
    weights = scores.softmax(-1)
    return (weights if mask is None else weights * mask) @ value


def written_into_memory(query, key, value, bias, mask, grad_output):
    """The result of `attend` and its gradients by query, key and value, from memory that held other numbers."""
    mixed, *gradients = (torch.full_like(part, torch.nan) for part in (query, query, key, value))
    with torch.no_grad():
        attend(query, key, value, bias, mask, mixed)(grad_output, *gradients)
    return mixed, gradients


def tensors(queries, seed=0, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    parts = [
        torch.randn(ROWS * HEADS, length, WIDTH, generator=generator, dtype=dtype)
        for length in (queries, KEYS, KEYS, queries)
    ]
    drawn = torch.rand(ROWS * HEADS, queries, KEYS, generator=generator, dtype=dtype)
    return *parts, (drawn < 0.7).to(dtype) / 0.7


@pytest.mark.parametrize("queries", range(KEYS + 1))
@pytest.mark.parametrize("padded", [False, True])
@pytest.mark.parametrize("drops", [False, True])
def test_output_and_gradients_are_those_of_its_definition(queries, padded, drops):
    query, key, value, grad_output, mask = tensors(queries)
    keys_shown, mask = PADDED if padded else None, mask if drops else None
    bias = padding_bias(PADDED, HEADS, torch.float64) if padded else None
    leaves = [part.clone().requires_grad_() for part in (query, key, value)]
    expected = by_definition(*leaves, keys_shown, mask)
    theirs = torch.autograd.grad(expected, leaves, grad_output)
    output, ours = written_into_memory(query, key, value, bias, mask, grad_output)
    torch.testing.assert_close(output, expected)
    torch.testing.assert_close(ours, list(theirs))


def test_it_writes_to_memory_that_is_not_adjacent():
    query, key, value, grad_output, mask = tensors(KEYS)
    together = torch.zeros(3, ROWS * HEADS, KEYS, WIDTH, dtype=torch.float64)
    mixed = torch.zeros(2, *query.shape, dtype=torch.float64)
    attend(query, key, value, None, mask, mixed[1])(grad_output, *together)
    expected, gradients = written_into_memory(query, key, value, None, mask, grad_output)
    torch.testing.assert_close(mixed[1], expected)
    torch.testing.assert_close(list(together), gradients)
    assert not mixed[0].any()


def test_in_bfloat16_it_is_near_float32():
    query, key, value, grad_output, mask = tensors(KEYS, dtype=torch.float32)
    bias = padding_bias(PADDED, HEADS, torch.float32)
    expected, float32 = written_into_memory(query, key, value, bias, mask, grad_output)
    coarse = [part.bfloat16() for part in (query, key, value, bias, mask, grad_output)]
    output, bf16 = written_into_memory(*coarse)
    for mine, other in zip((output, *bf16), (expected, *float32), strict=True):
        assert mine.dtype == torch.bfloat16
        torch.testing.assert_close(mine.float(), other, atol=0.08, rtol=0.05)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_the_bias_hides_padding_from_every_head_of_a_row(dtype):
    bias = padding_bias(PADDED, HEADS, dtype)
    assert bias.shape == (ROWS * HEADS, 1, KEYS) and bias.dtype == dtype
    for row in range(ROWS):
        for head in range(HEADS):
            hidden = bias[row * HEADS + head, 0]
            assert hidden[PADDED[row]].eq(0).all()
            assert hidden[~PADDED[row]].eq(-torch.inf).all()


def test_without_padding_there_is_no_bias():
    assert padding_bias(np.ones((3, 4), dtype=bool), HEADS, torch.float32) is None
