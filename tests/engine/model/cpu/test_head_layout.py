"""Tokens in rows by heads and back, for any lengths and groups of rows."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.model.cpu.head_layout import HeadLayout, group_rows

WIDTH = 3  # of a head


def to_slices(ends):
    return [slice(first, last) for first, last in zip([0, *ends[:-1]], ends, strict=True)]


@st.composite
def layouts(draw):
    """Lengths of rows, groups of them, a number of heads, and how many tokens lie in no row."""
    lengths = draw(st.lists(st.integers(0, 7), min_size=1, max_size=8))
    if draw(st.booleans()):
        lengths = [lengths[0]] * len(lengths)  # no padding
    inner = draw(st.sets(st.integers(1, len(lengths))))
    groups = to_slices(sorted({*inner, len(lengths)}))
    return np.array(lengths), groups, draw(st.integers(1, 3)), draw(st.integers(0, 3))


def numbered(lengths, heads, parts, beside):
    """Tokens whose numbers are all different and not 0."""
    shape = (int(lengths.sum()) + beside, parts * heads * WIDTH)
    return torch.arange(1.0, 1 + shape[0] * shape[1]).view(shape)


@settings(max_examples=50)
@given(layouts(), st.integers(1, 3))
def test_split_puts_each_head_of_each_part_of_each_token_where_it_says(layout, parts):
    lengths, groups, heads, beside = layout
    tokens = numbered(lengths, heads, parts, beside)
    rows = tokens[: int(lengths.sum())].view(-1, parts, heads, WIDTH).split(lengths.tolist())
    found = HeadLayout(lengths, groups, heads, len(tokens), torch.float32).split(tokens, parts)
    assert len(found) == len(groups)
    for group, mine in zip(groups, found, strict=True):
        count, longest = group.stop - group.start, int(lengths[group].max())
        assert mine.shape == (parts, count * heads, longest, WIDTH)
        for number, row in enumerate(rows[group]):
            here = mine[:, number * heads : (number + 1) * heads, : len(row)]
            assert torch.equal(here, row.permute(1, 2, 0, 3))


@settings(max_examples=50)
@given(layouts(), st.integers(1, 3))
def test_split_then_merge_is_identity_with_zeros_for_tokens_in_no_row(layout, parts):
    lengths, groups, heads, beside = layout
    tokens = numbered(lengths, heads, parts, beside)
    heads_layout = HeadLayout(lengths, groups, heads, len(tokens), torch.float32)
    cells = heads_layout.buffer(parts, WIDTH).fill_(torch.nan)
    for place, part in zip(heads_layout.views(cells, parts), heads_layout.split(tokens, parts), strict=True):
        place.copy_(part)
    merged = heads_layout.merge(cells, parts, torch.float32)
    lying = int(lengths.sum())
    assert torch.equal(merged[:lying], tokens[:lying])
    assert merged.shape == tokens.shape and not merged[lying:].any()


@settings(max_examples=50)
@given(layouts())
def test_split_zero_padded_has_zeros_as_padding_and_leaves_tokens_alone(layout):
    lengths, groups, heads, beside = layout
    tokens = numbered(lengths, heads, 1, beside)
    before = tokens.clone()
    heads_layout = HeadLayout(lengths, groups, heads, len(tokens), torch.float32)
    for group, clean, (dirty,) in zip(
        groups, heads_layout.split_zero_padded(tokens), heads_layout.split(tokens, 1), strict=True
    ):
        mask = np.arange(clean.shape[1]) < lengths[group, None].repeat(heads, 0)
        expected = torch.where(torch.from_numpy(mask)[:, :, None], dirty, 0.0)
        assert torch.equal(clean, expected)
    assert torch.equal(tokens, before)


@settings(max_examples=50)
@given(layouts(), st.integers(1, 3))
def test_views_of_a_buffer_are_all_of_it_once(layout, parts):
    lengths, groups, heads, beside = layout
    heads_layout = HeadLayout(lengths, groups, heads, int(lengths.sum()) + beside, torch.float32)
    cells = heads_layout.buffer(parts, WIDTH).zero_()
    for view in heads_layout.views(cells, parts):
        view += 1
    assert torch.equal(cells, torch.ones_like(cells))
    padded = sum((group.stop - group.start) * int(lengths[group].max()) for group in groups)
    assert len(cells) == parts * heads * padded


@pytest.mark.parametrize("lengths", [[3, 3], [2, 3]])
def test_attention_computes_in_its_own_dtype(lengths):
    lengths = np.array(lengths)
    tokens = numbered(lengths, 2, 1, 1).bfloat16()
    heads_layout = HeadLayout(lengths, to_slices([2]), 2, len(tokens), torch.float64)
    (found,) = heads_layout.split(tokens, 1)
    assert found.dtype == heads_layout.buffer(1, WIDTH).dtype == torch.float64
    assert heads_layout.merge(found.reshape(-1, WIDTH), 1, torch.bfloat16).dtype == torch.bfloat16


@given(st.lists(st.integers(0, 300), max_size=60), st.booleans())
def test_groups_cover_all_rows_in_order_and_none_is_mostly_padding(lengths, in_order):
    lengths = np.array(sorted(lengths) if in_order else lengths, dtype=np.int64)
    groups = group_rows(lengths)
    assert [row for group in groups for row in range(group.start, group.stop)] == list(range(len(lengths)))
    for group in groups:
        used, most = int((lengths[group] ** 2).sum()), int(lengths[group].max(initial=0)) ** 2
        cells = (group.stop - group.start) * most
        assert cells <= 2 * used or cells - used <= 4096


def test_only_much_padding_is_worth_another_group():
    assert group_rows(np.array([5, 40, 5])) == [slice(0, 3)]
    assert group_rows(np.array([5] * 20 + [200] * 20)) == [slice(0, 20), slice(20, 40)]
    assert group_rows(np.full(100, 200)) == [slice(0, 100)]
