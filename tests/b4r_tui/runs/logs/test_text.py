"""Bytes of a log become lines and harmless text, however they come."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from b4r_tui.runs.logs.text import LONGEST_LINE, OpenLine, is_plain, readable

ODD = "\N{REPLACEMENT CHARACTER}"
nasty = st.lists(
    st.one_of(
        st.binary(max_size=8),
        st.sampled_from(
            [b"\n", b"\r", b"\r\n", b"\x1b[31m", b"\x1b]0;t\x07", "評🎬\u202e".encode(), b"\x9b2J"]
        ),
        st.just(b"x" * (LONGEST_LINE - 2)),
    ),
    max_size=12,
).map(b"".join)


def lines_of(*pieces: bytes) -> list[str]:
    line, lines = OpenLine(), []
    for piece in pieces:
        lines += line.feed(piece)
    return [readable(*raw) for raw in [*lines, line.take()]]


def by_definition(data: bytes) -> list[str]:
    """What a line shows at last: the part after its last carriage return but for those at its end."""
    shown = [line.rstrip(b"\r").rpartition(b"\r")[2] for line in data.split(b"\n")]
    return [readable(line[:LONGEST_LINE], len(line)) for line in shown]


@settings(max_examples=300)
@given(nasty, st.lists(st.integers(0, 200_000), max_size=6))
def test_any_bytes_in_any_pieces_give_the_lines_of_the_whole(data: bytes, cuts: list[int]) -> None:
    places = sorted(cut % (len(data) + 1) for cut in cuts)
    pieces = [data[start:end] for start, end in zip([0, *places], [*places, len(data)], strict=True)]
    assert lines_of(*pieces) == by_definition(data)


@settings(max_examples=200)
@given(nasty)
def test_no_control_character_gets_through_whatever_the_bytes(data: bytes) -> None:
    joiners = "\u200c\u200d\u00ad"  # harmless, and needed in words and emoji
    for line in lines_of(data):
        assert not [c for c in line if c not in joiners and (ord(c) < 32 or 127 <= ord(c) < 160)]
        assert not set(line) & set("\u061c\u200e\u200f\u2028\u2029\u202a\u202b\u202c\u202d\u202e\u2066\u2069")


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        (b"\x1b[1;31mred\x1b[0m \x1b(B\x1b[?25lend", "red end"),
        (b"\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),
        (b"\x1b]52;c;aGk=\x07copied", "copied"),
        (b"\x1bPq#0;2\x1b\\sixel", "sixel"),
        ("\x9b31mC1 \x9d0;title\x9cdone".encode(), "C1 done"),
        ("tag \U000e0041 bom \ufeff".encode(), f"tag {ODD} bom {ODD}"),
        ("user\u202egnp.exe".encode(), f"user{ODD}gnp.exe"),
        (b"bell \x07 null \x00", f"bell {ODD} null {ODD}"),
        (b"a\tb", "a       b"),
        ("family 👨\u200d👩\u200d👧".encode(), "family 👨\u200d👩\u200d👧"),
    ],
)
def test_escape_sequences_vanish_and_other_controls_are_marked(raw: bytes, shown: str) -> None:
    assert readable(raw, len(raw)) == shown


def test_a_bar_of_progress_is_what_it_shows_last_even_past_the_longest_line() -> None:
    bar = b"".join(b"\r%6d/9999" % step for step in range(9000))
    assert lines_of(bar + b"\n") == ["  8999/9999", ""]
    assert lines_of(b"x" * 30_000 + b"\r", b"done\n") == ["done", ""]


def test_only_printable_ascii_and_newlines_are_plain() -> None:
    assert is_plain(b"one\ntwo ~\n") and is_plain(b"")
    assert not any(map(is_plain, (b"a\tb", b"\x1b[m", "é".encode(), b"\x7f", b"\r\n")))
