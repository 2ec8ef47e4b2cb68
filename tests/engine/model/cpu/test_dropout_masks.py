"""Dropout masks from random bytes: their rate, their scale, their seed."""

import pytest
import torch

from engine.model.cpu.dropout_masks import draw_mask, draw_masks

RATES = [0.001, 0.1, 0.25, 0.5, 0.9, 0.999]


def dropped_share(rate):
    """The rate to a 256th, at least one and at most 255."""
    return min(255, max(1, round(rate * 256))) / 256


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("rate", RATES)
def test_a_mask_drops_the_rate_to_a_256th_and_is_scaled_to_keep_the_mean(rate, dtype):
    torch.manual_seed(0)
    mask = draw_mask(rate, torch.Size([200_001]), dtype)
    assert mask.dtype == dtype and mask.shape == (200_001,)
    share, expected = float((mask == 0).double().mean()), dropped_share(rate)
    assert abs(share - expected) < 5 * (expected * (1 - expected) / 200_001) ** 0.5
    zero, scale = mask.unique().tolist()
    assert zero == 0.0
    assert scale == pytest.approx(1 / (1 - expected), rel=1e-6 if dtype == torch.float32 else 0.004)


def test_bfloat16_rounds_no_scale_by_more_than_four_thousandths():
    torch.manual_seed(0)
    for level in range(1, 256):
        coarse, fine = (
            float(draw_mask(level / 256, torch.Size([4096]), dtype).max())
            for dtype in (torch.bfloat16, torch.float32)
        )
        assert coarse == pytest.approx(fine, rel=2**-8)  # half of the last of its 8 binary digits


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_neighbours_are_dropped_independently(dtype):
    torch.manual_seed(0)
    mask = (draw_mask(0.5, torch.Size([1000, 1000]), dtype) != 0).double()
    for first, second in ((mask[:, :-1], mask[:, 1:]), (mask[:-1], mask[1:]), (mask[:, :-8], mask[:, 8:])):
        assert abs(float((first * second).mean()) - 0.25) < 0.003


def test_masks_drawn_together_have_their_shapes_and_are_independent():
    torch.manual_seed(0)
    shapes = [torch.Size(shape) for shape in ([300, 400], [0, 7], [2, 300, 200], [3])]
    first, empty, second, last = masks = draw_masks(0.5, shapes, torch.float32)
    assert [mask.shape for mask in masks] == shapes
    assert empty.numel() == 0 and last.numel() == 3
    both = (first.flatten() != 0) & (second.flatten() != 0)
    assert abs(float(both.double().mean()) - 0.25) < 0.01


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_same_seed_drops_the_same(dtype):
    rate, shape = 0.4, torch.Size([1001])
    torch.manual_seed(5)
    first, next_one = draw_mask(rate, shape, dtype), draw_mask(rate, shape, dtype)
    torch.manual_seed(5)
    assert torch.equal(first, draw_mask(rate, shape, dtype))
    assert not torch.equal(first, next_one)


def test_a_generator_of_its_own_leaves_torchs_alone():
    rate, shape = 0.4, torch.Size([1001])
    before = torch.get_rng_state()
    first, again, other = (
        draw_mask(rate, shape, torch.float32, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2)
    )
    assert torch.equal(first, again) and not torch.equal(first, other)
    (whole,) = draw_masks(rate, [shape], torch.float32, torch.Generator().manual_seed(1))
    assert torch.equal(whole, first)
    assert torch.equal(torch.get_rng_state(), before)


def test_both_dtypes_drop_the_same_for_a_seed():
    rate, shape = 0.3, torch.Size([999])
    fine, coarse = (
        draw_mask(rate, shape, dtype, torch.Generator().manual_seed(1))
        for dtype in (torch.float32, torch.bfloat16)
    )
    assert torch.equal(fine == 0, coarse == 0)
