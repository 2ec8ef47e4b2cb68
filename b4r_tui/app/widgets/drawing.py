"""Texts that fill their cells exactly, and progress bars."""

from __future__ import annotations

import math

from rich.text import Text

from b4r_tui.common.format import bar


def fitted(text: Text, width: int, right: bool = False) -> Text:
    """Return `text` cut with an ellipsis or padded to exactly `width` cells."""
    fit = text.copy()
    fit.no_wrap = True
    fit.truncate(width, overflow="ellipsis")
    fit.align("right" if right else "left", width)
    return fit


def progress_bar(fraction: float, width: int, done_style: str, rest_style: str) -> Text:
    """Return a progress bar of `width` cells that ends in the percentage."""
    fraction = min(1.0, max(0.0, fraction))
    done, rest = bar(fraction, max(1, width - 5))
    percent = f"{math.floor(fraction * 100):4d}%"
    return Text.assemble((done, done_style), (rest, rest_style), (percent, done_style))
