"""Draws curves into plot widgets, each line with its own colour and marker.

The colours are those of Okabe and Ito (Color Universal Design, 2008), which can be distinguished with any colour
vision; on a light background they are darker. The markers distinguish lines where there are no colours.
"""

from __future__ import annotations

from typing import Any

from rich.text import Text

from b4r_tui.app.widgets.palette import Palette
from b4r_tui.app.widgets.run.curve_data import (
    Curve,
    Window,
    epoch_ticks,
    marks,
    value_range,
    value_ticks,
    visible,
)

ON_DARK = ("#56b4e9", "#e69f00", "#3ec99a", "#f0e442", "#e58cc0", "#ff8a4c", "#8fa8ff", "#d0d4dc")
ON_LIGHT = ("#00659e", "#a46200", "#00734f", "#7a7000", "#a3447c", "#b04000", "#3b4cc0", "#40444c")
MARKERS = ("●", "▲", "■", "◆", "✚", "○", "△", "□")


def style_of(number: int, dark: bool) -> tuple[str, str]:
    """Return the colour and marker of a line; after eight lines they are paired differently."""
    colours = ON_DARK if dark else ON_LIGHT
    return colours[number % len(colours)], MARKERS[(number + number // len(MARKERS)) % len(MARKERS)]


def legend(names: list[str], dark: bool, width: int = 1000) -> Text:
    """Return the names of lines after their markers, wrapped to `width` cells."""
    lines = [Text()]
    for number, name in enumerate(names):
        colour, marker = style_of(number, dark)
        entry = Text(f"━{marker}━ {name}", colour)
        if lines[-1] and lines[-1].cell_len + 3 + entry.cell_len > width:
            lines.append(Text())
        lines[-1].append("   " if lines[-1] else "").append_text(entry)
    return Text("\n").join(lines)


def title_of(curve: Curve, names: list[str], dark: bool, palette: Palette) -> Text:
    """Return the title, with a legend where its lines are not those of the legend above."""
    title = Text(curve.title, palette.strong)
    own = [name for name in curve.lines if name]
    if own and not set(own) <= set(names):
        title.append("   ").append_text(legend(own, dark))
    return title


def draw(plot: Any, curve: Curve, window: Window, names: list[str], dark: bool) -> None:
    """Draw the epochs of a curve in a window. names: of all runs, so that a run looks the same in each plot."""
    from textual_plot import HiResMode

    plot.margin_top, plot.margin_bottom, plot.margin_left = 0, 1, 9
    plot.clear()
    last = max((points[0][-1] for points in curve.lines.values()), default=2.0)
    low, high = window.epochs(max(2.0, last))
    values: list[float] = []
    markers = []
    several = len(curve.lines) > 1
    for place, (name, points) in enumerate(curve.lines.items()):
        colour, marker = style_of(names.index(name) if name in names else place, dark)
        x, y = visible(points, low, high)
        values += [value for at, value in zip(x, y, strict=True) if low <= at <= high]
        if len(x) > 1:
            plot.plot(x, y, line_style=colour, hires_mode=HiResMode.BRAILLE)
        if several or len(x) == 1:
            markers.append((marks((x, y), shift=(place % 4) / 4), marker, colour))
    for points, marker, colour in markers:  # above all lines, which would hide them
        plot.scatter(*points, marker=marker, marker_style=colour)
    _scale(plot, low, high, values)


def _scale(plot: Any, low: float, high: float, values: list[float]) -> None:
    plot.set_xlimits(low, high)
    plot.set_xticks(epoch_ticks(low, high))
    bottom, top = value_range(values)
    plot.set_ylimits(bottom, top)
    plot.set_yticks(value_ticks(bottom, top))
