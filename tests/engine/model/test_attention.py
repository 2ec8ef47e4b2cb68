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
