"""FusedAdamW against torch's own AdamW."""

import copy

import pytest
import torch

from engine.distributed.fused_adamw import FusedAdamW

SHAPES = [(7, 5), (3,), (40, 9), (1,)]


def groups(parameters):
    matrices = [p for p in parameters if p.dim() > 1]
    return [
        {"params": matrices, "weight_decay": 0.1},
        {"params": [p for p in parameters if p.dim() <= 1], "weight_decay": 0.0, "lr": 0.02},
    ]


def pair():
    """Ours and torch's, each with parameters of its own that are equal."""
    generator = torch.Generator().manual_seed(0)
    ours = [torch.randn(shape, generator=generator).requires_grad_() for shape in SHAPES]
    theirs = copy.deepcopy(ours)
    settings = {"lr": 0.05, "betas": (0.8, 0.99), "eps": 1e-6, "fused": True}
    return (ours, FusedAdamW(groups(ours), **settings)), (
        theirs,
        torch.optim.AdamW(groups(theirs), **settings),
    )


def step(sides, seed, without=()):
    """The same gradients for both sides, none for the parameters at the places `without`."""
    for parameters, optimiser in sides:
        generator = torch.Generator().manual_seed(seed)
        for place, parameter in enumerate(parameters):
            gradient = torch.randn(parameter.shape, generator=generator)
            parameter.grad = None if place in without else gradient
        optimiser.step()


def assert_equal(sides):
    (ours, mine), (theirs, other) = sides
    for parameter, twin in zip(ours, theirs, strict=True):
        assert torch.equal(parameter, twin)
        assert mine.state[parameter].keys() == other.state[twin].keys()
        for slot, held in mine.state[parameter].items():
            assert torch.equal(held, other.state[twin][slot]), slot


def test_weights_moments_and_counts_are_bit_for_bit_those_of_torch():
    sides = pair()
    for seed in range(6):
        step(sides, seed)
        assert_equal(sides)


def test_a_parameter_without_a_gradient_is_left_alone_and_counted_by_itself():
    sides = pair()
    for seed, without in enumerate([(), (), (1, 2), (), (0,), ()]):
        step(sides, seed, without)
    assert_equal(sides)
    counts = [float(sides[0][1].state[p]["step"]) for p in sides[0][0]]
    assert counts == [5, 5, 5, 6]


def test_it_continues_from_torchs_state():
    sides = pair()
    step(sides, 0)
    (ours, mine), (theirs, other) = sides
    step([sides[1]], 1)
    with torch.no_grad():
        for parameter, twin in zip(ours, theirs, strict=True):
            parameter.copy_(twin)
    mine.load_state_dict(copy.deepcopy(other.state_dict()))
    for seed in (2, 3):
        step(sides, seed)
    assert_equal(sides)


def test_a_state_filled_in_place_counts_on_from_there():
    sides = pair()
    for seed in (0, 1):
        step(sides, seed)
    for parameters, optimiser in sides:
        for parameter in parameters:
            optimiser.state[parameter]["step"].fill_(10)
    step(sides, 2)
    assert_equal(sides)


def test_a_closure_is_called_as_by_torch():
    (_, mine), _ = pair()
    assert mine.step(lambda: 3.0) == pytest.approx(3.0)
