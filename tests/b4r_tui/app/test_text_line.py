"""Cells rendered directly look the same as rendered by rich."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console
from rich.padding import Padding
from rich.segment import Segment
from rich.style import Style
from rich.styled import Styled
from rich.text import Text

from b4r_tui.app.widgets.text_line import fits, is_same, line_of

CONSOLE = Console(color_system="truecolor", width=200, force_terminal=True)
STYLES = ("", "bold", "red", "reverse on blue", "#1b3a4e")
NOTHING = Style.null()
parts = st.lists(
    st.tuples(st.text(st.sampled_from("ab 評🎬é–"), max_size=6), st.sampled_from(STYLES)), max_size=4
)


def looks(line: list[Segment]) -> list[tuple[str, Style]]:
    """Return each character of a line with its style."""
    return [(character, part.style or NOTHING) for part in line for character in part.text]


@given(parts, st.sampled_from(STYLES), st.integers(0, 2), st.integers(0, 9), st.sampled_from(STYLES))
def test_a_line_looks_as_rich_renders_it(
    pieces: list[tuple[str, str]], own: str, padding: int, spare: int, below: str
) -> None:
    text = Text.assemble(*pieces, style=own, end="")
    width, style = text.cell_len + 2 * padding + spare, Style.parse(below)
    assert fits(text, width - 2 * padding)
    line = line_of(text, width, padding, style, NOTHING, CONSOLE)
    options = CONSOLE.options.update_dimensions(width, 1).update(no_wrap=True)
    if width:
        (expected,) = CONSOLE.render_lines(Styled(Padding(text, (0, padding)), style), options)
        assert looks(line) == looks(expected)
    assert sum(cell_len(part.text) for part in line) == width


def test_the_overlay_overrides_the_texts_own_style() -> None:
    line = line_of(Text("ab", "red"), 4, 1, NOTHING, Style.parse("bold blue"), CONSOLE)
    assert {style for _, style in looks(line)} == {Style.parse("bold blue")}


def test_text_to_wrap_or_crop_does_not_fit() -> None:
    assert not fits(Text("two\nlines"), 20)
    assert not fits(Text("a\ttab"), 20)
    assert not fits(Text("right", justify="right"), 20)
    assert not fits(Text("評価"), 3) and fits(Text("評価"), 4)


def test_equal_text_in_other_colours_is_not_the_same() -> None:
    assert is_same(Text("a", "red"), Text("a", "red"))
    assert not is_same(Text("a", "red"), Text("a", "blue"))
    assert not is_same(Text.assemble(("a", "red")), Text.assemble(("a", "blue")))
