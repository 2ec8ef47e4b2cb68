"""Tokens in rows by heads and back, for any lengths and groups of rows."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.model.cpu.head_layout import Heads, grouped

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
    found = Heads(lengths, groups, heads, len(tokens), torch.float32).split(tokens, parts)
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
    way = Heads(lengths, groups, heads, len(tokens), torch.float32)
    cells = way.room(parts, WIDTH).fill_(torch.nan)
    for place, part in zip(way.views(cells, parts), way.split(tokens, parts), strict=True):
        place.copy_(part)
    merged = way.merge(cells, parts, torch.float32)
    lying = int(lengths.sum())
    assert torch.equal(merged[:lying], tokens[:lying])
    assert merged.shape == tokens.shape and not merged[lying:].any()


@settings(max_examples=50)
@given(layouts())
def test_split_clean_has_zeros_as_padding_and_leaves_tokens_alone(layout):
    lengths, groups, heads, beside = layout
    tokens = numbered(lengths, heads, 1, beside)
    before = tokens.clone()
    way = Heads(lengths, groups, heads, len(tokens), torch.float32)
    for group, clean, (dirty,) in zip(groups, way.split_clean(tokens), way.split(tokens, 1), strict=True):
        keep = np.arange(clean.shape[1]) < lengths[group, None].repeat(heads, 0)
        expected = torch.where(torch.from_numpy(keep)[:, :, None], dirty, 0.0)
        assert torch.equal(clean, expected)
    assert torch.equal(tokens, before)


@settings(max_examples=50)
@given(layouts(), st.integers(1, 3))
def test_views_of_room_are_all_of_it_once(layout, parts):
    lengths, groups, heads, beside = layout
    way = Heads(lengths, groups, heads, int(lengths.sum()) + beside, torch.float32)
    cells = way.room(parts, WIDTH).zero_()
    for view in way.views(cells, parts):
        view += 1
    assert torch.equal(cells, torch.ones_like(cells))
    padded = sum((group.stop - group.start) * int(lengths[group].max()) for group in groups)
    assert len(cells) == parts * heads * padded


@pytest.mark.parametrize("lengths", [[3, 3], [2, 3]])
def test_heads_compute_in_their_own_type(lengths):
    lengths = np.array(lengths)
    tokens = numbered(lengths, 2, 1, 1).bfloat16()
    way = Heads(lengths, to_slices([2]), 2, len(tokens), torch.float64)
    (found,) = way.split(tokens, 1)
    assert found.dtype == way.room(1, WIDTH).dtype == torch.float64
    assert way.merge(found.reshape(-1, WIDTH), 1, torch.bfloat16).dtype == torch.bfloat16


@given(st.lists(st.integers(0, 300), max_size=60), st.booleans())
def test_groups_cover_all_rows_in_order_and_none_is_mostly_padding(lengths, in_order):
    lengths = np.array(sorted(lengths) if in_order else lengths, dtype=np.int64)
    groups = grouped(lengths)
    assert [row for group in groups for row in range(group.start, group.stop)] == list(range(len(lengths)))
    for group in groups:
        used, most = int((lengths[group] ** 2).sum()), int(lengths[group].max(initial=0)) ** 2
        room = (group.stop - group.start) * most
        assert room <= 2 * used or room - used <= 4096


def test_only_much_padding_is_worth_another_group():
    assert grouped(np.array([5, 40, 5])) == [slice(0, 3)]
    assert grouped(np.array([5] * 20 + [200] * 20)) == [slice(0, 20), slice(20, 40)]
    assert grouped(np.full(100, 200)) == [slice(0, 100)]
