"""Renders the text of a table cell directly: text that fits needs no wrapping, which is slow in rich."""

from __future__ import annotations

from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from rich.text import Text

Line = list[Segment]


def fits(text: Text, width: int) -> bool:
    """Return whether a text is one line of at most `width` cells that needs no wrapping, cropping or alignment."""
    return (
        text.justify in (None, "default", "left")
        and not any(character in text.plain for character in "\n\t")
        and text.cell_len <= width
    )


def line_of(text: Text, width: int, padding: int, style: Style, overlay: Style, console: Console) -> Line:
    """Return a text that fits as a line of exactly `width` cells, with at least `padding` cells on either side.

    The text's own styles override `style`, and `overlay` overrides both.
    """
    around, own = style + overlay, console.get_style(text.style, default="")
    line = [Segment(part.text, style + (part.style or own) + overlay) for part in text.render(console)]
    blank = width - padding - text.cell_len
    before = [Segment(" " * padding, around)] if padding else []
    return before + line + ([Segment(" " * blank, around)] if blank else [])


def is_same(one: Text, other: Text) -> bool:
    """Return whether two texts look the same; texts that are equal to rich may differ in style."""
    return one is other or (one == other and one.style == other.style)
