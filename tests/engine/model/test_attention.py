"""Attention with dropout against the same written with torch's own differentiable pieces."""

import pytest
import torch

from engine.model.attention import dropped_attention


def written_out(query, key, value, keep, kept):
    scores = query @ key.transpose(2, 3) * query.shape[-1] ** -0.5
    if keep is not None:
        scores = scores.masked_fill(~keep[:, None, None, :], -torch.inf)
    return (scores.softmax(-1) * kept) @ value


@pytest.mark.parametrize("queries", [0, 1, 3, 5])
@pytest.mark.parametrize("padded", [False, True])
def test_output_and_gradients_are_those_of_its_definition(queries, padded):
    generator = torch.Generator().manual_seed(queries)
    query, key, value = (
        torch.randn(4, 2, length, 8, generator=generator, dtype=torch.float64, requires_grad=True)
        for length in (queries, 5, 5)
    )
    keep = torch.arange(5) < torch.tensor([5, 1, 3, 4])[:, None] if padded else None
    kept = (torch.rand(4, 2, queries, 5, generator=generator, dtype=torch.float64) < 0.7) / 0.7
    found, expected = (way(query, key, value, keep, kept) for way in (dropped_attention, written_out))
    torch.testing.assert_close(found, expected)
    above = torch.randn(found.shape, generator=generator, dtype=torch.float64)
    ours, theirs = (torch.autograd.grad(result, (query, key, value), above) for result in (found, expected))
    torch.testing.assert_close(ours, theirs)


def test_in_half_precision_it_is_near_the_whole_one_and_stays_half_going_backward():
    generator = torch.Generator().manual_seed(0)
    whole = [torch.randn(3, 2, 6, 8, generator=generator, requires_grad=True) for _ in range(3)]
    half = [part.detach().bfloat16().requires_grad_() for part in whole]
    kept = (torch.rand(3, 2, 6, 6, generator=generator) < 0.7).float() / 0.7
    with torch.autocast("cpu", torch.bfloat16):
        found = dropped_attention(*half, None, kept.bfloat16())
    expected = dropped_attention(*whole, None, kept)
    assert found.dtype == torch.bfloat16
    torch.testing.assert_close(found.float(), expected, atol=0.05, rtol=0.05)
    ours, theirs = (
        torch.autograd.grad(result.sum(), parts) for result, parts in ((found, half), (expected, whole))
    )
    for mine, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine.float(), other, atol=0.08, rtol=0.05)
