"""Lines of TOML text."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from b4r_tui.experiments.toml_lines import toml_lines

NOT_LINE_ENDS = "\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"


@given(st.text(st.sampled_from(f"a\r\n{NOT_LINE_ENDS}")))
def test_lines_end_where_toml_lines_end_and_nothing_is_lost(text: str) -> None:
    lines = toml_lines(text, keepends=True)
    assert "".join(lines) == text
    assert len(lines) == text.count("\n") + (not text.endswith("\n") and bool(text))
    assert toml_lines(text) == [
        line.removesuffix("\n").removesuffix("\r") if "\n" in line else line for line in lines
    ]


def test_lines_have_no_ends_unless_asked_for() -> None:
    assert toml_lines("a\r\nb\u2028c\n") == ["a", "b\u2028c"]
    assert toml_lines("a\r\nb", keepends=True) == ["a\r\n", "b"]
    assert toml_lines("") == []
