"""Dropout from random bytes: its rate, its scale, its seed."""

import pytest
import torch

from engine.model.dropout import Dropout


@pytest.mark.parametrize("rate", [0.001, 0.1, 0.25, 0.5, 0.9])
def test_the_share_dropped_is_the_rate_to_a_256th_and_the_mean_stays(rate):
    torch.manual_seed(0)
    dropped = Dropout(rate).train()(torch.ones(200_001))
    share = float((dropped == 0).float().mean())
    assert abs(share - max(rate, 1 / 256)) < 1 / 512 + 4 * (0.25 / 200_001) ** 0.5
    assert float(dropped.mean()) == pytest.approx(1.0, abs=0.03)
    assert len(dropped.unique()) == 2


def test_neighbours_are_dropped_independently():
    torch.manual_seed(0)
    kept = (Dropout(0.5).train()(torch.ones(1000, 1000)) != 0).double()
    for first, second in ((kept[:, :-1], kept[:, 1:]), (kept[:-1], kept[1:]), (kept[:, :-8], kept[:, 8:])):
        assert abs(float((first * second).mean()) - 0.25) < 0.003


def test_the_gradient_passes_where_values_do():
    torch.manual_seed(0)
    values = torch.randn(50, 3, requires_grad=True)
    dropped = Dropout(0.3).train()(values)
    dropped.sum().backward()
    assert torch.allclose(values.grad * values, dropped)


def test_the_same_seed_drops_the_same():
    layer = Dropout(0.4).train()
    torch.manual_seed(5)
    first = layer(torch.ones(1000))
    torch.manual_seed(5)
    assert torch.equal(first, layer(torch.ones(1000)))
    assert not torch.equal(first, layer(torch.ones(1000)))


def test_nothing_is_dropped_in_evaluation_or_at_rate_zero():
    values = torch.randn(10)
    assert Dropout(0.5).eval()(values) is values
    assert Dropout(0.0).train()(values) is values
