"""A cell's text as a piece of a line, made directly: a text that fits needs no wrapping, which takes rich long."""

from __future__ import annotations

from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from rich.text import Text

Line = list[Segment]


def fits(text: Text, width: int) -> bool:
    """Whether a text is one line of at most `width` cells, with nothing to wrap, cut or align."""
    return (
        text.justify in (None, "default", "left")
        and not any(character in text.plain for character in "\n\t")
        and text.cell_len <= width
    )


def line_of(text: Text, width: int, padding: int, style: Style, above: Style, console: Console) -> Line:
    """A text that fits as a line of exactly `width` cells, `padding` of them before and after it.

    The text's own styles go over `style`, and `above` over these.
    """
    around, own = style + above, console.get_style(text.style, default="")
    line = [Segment(part.text, style + (part.style or own) + above) for part in text.render(console)]
    blank = width - padding - text.cell_len
    before = [Segment(" " * padding, around)] if padding else []
    return before + line + ([Segment(" " * blank, around)] if blank else [])


def is_same(one: Text, other: Text) -> bool:
    """Whether two texts are drawn alike; equal texts of rich may differ in style."""
    return one is other or (one == other and one.style == other.style)
