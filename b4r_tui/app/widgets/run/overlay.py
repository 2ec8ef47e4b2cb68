"""Curves of several runs, or groups of seeds, in one plot: each has a colour, and its number ends its line.

The plotting library brings numpy, so it is imported when the first curve is drawn.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.widgets import Static

from b4r_tui.app.widgets.palette import Palette, palette_of
from b4r_tui.app.widgets.run.curve_data import epoch_ticks, value_range, value_ticks

Points = tuple[tuple[int, float], ...]


@dataclass(frozen=True)
class Line:
    """A curve. group: index of the runs it belongs to, from 0. points: epoch from 1, value."""

    group: int
    points: Points


@dataclass(frozen=True)
class Plot:
    """The contents of one plot."""

    title: str
    lines: tuple[Line, ...]


class Overlay(Vertical):
    """Shows plots in a row, in a column where it is narrow, and a legend below."""

    DEFAULT_CSS = """
    Overlay {
        height: 1fr;
        #overlaid { height: 1fr; }
        #overlaid.-stacked { layout: vertical; }
        .overlaid-plot { width: 1fr; height: 1fr; }
        .overlaid-title { height: 1; text-align: center; }
        #legend { height: auto; max-height: 4; padding: 0 1; }
        PlotWidget {
            height: 1fr;
            background: transparent;
            & > .plot--axis { color: $border-blurred; }
            & > .plot--tick { color: $text-muted; text-style: none; }
        }
    }
    """

    def __init__(self) -> None:
        super().__init__()
        self._plots: tuple[Plot, ...] = ()
        self._names: tuple[str, ...] = ()

    def compose(self) -> ComposeResult:
        """Yield the plots and the legend."""
        yield Horizontal(id="overlaid")
        yield Static(id="legend")

    async def show(self, plots: Sequence[Plot], names: Sequence[str]) -> None:
        """Draw these plots; names: of the groups, in their order."""
        self._plots, self._names = tuple(plots), tuple(names)
        await self.redraw()

    async def redraw(self) -> None:
        """Draw again: other lines or another theme."""
        row, palette = self.query_one("#overlaid", Horizontal), palette_of(self.app)
        if len(row.children) != len(self._plots):
            await row.remove_children()
            await row.mount_all(_plot_with_title() for _ in self._plots)
        for place, plot in zip(row.children, self._plots, strict=True):
            title = Text(plot.title if plot.lines else f"{plot.title}: no data yet", palette.strong)
            place.query_one(".overlaid-title", Static).update(title)
            draw(place.query_one("PlotWidget"), plot, palette)
        self.query_one("#legend", Static).update(legend(self._names, palette))

    def on_resize(self) -> None:
        """Stack the plots where the screen is narrow and high."""
        self.query_one("#overlaid").set_class(self.size.width < 70 and self.size.height > 16, "-stacked")


def colour_of(group: int, palette: Palette) -> str:
    """Return the colour of a group."""
    return palette.lines[group % len(palette.lines)]


def legend(names: Sequence[str], palette: Palette) -> Text:
    """Return number, line and name of each group."""
    parts = [
        Text.assemble((f"{group + 1} ━ ", f"bold {colour_of(group, palette)}"), name)
        for group, name in enumerate(names)
    ]
    return Text("    ").join(parts)


def draw(plot: Any, shown: Plot, palette: Palette) -> None:
    """Draw into a plot widget."""
    from textual_plot import HiResMode

    plot.margin_top, plot.margin_bottom, plot.margin_left = 0, 1, 8
    plot.clear()
    for line in shown.lines:
        x, y = [float(epoch) for epoch, _ in line.points], [value for _, value in line.points]
        plot.plot(x, y, line_style=colour_of(line.group, palette), hires_mode=HiResMode.BRAILLE)
    for line in shown.lines:  # above all lines, which would hide them
        x, y = [float(line.points[-1][0])], [line.points[-1][1]]
        style = f"bold {colour_of(line.group, palette)}"
        plot.scatter(x, y, marker=str((line.group + 1) % 10), marker_style=style)
    last = max((line.points[-1][0] for line in shown.lines), default=2)
    plot.set_xlimits(1.0, max(2.0, last) + max(2.0, last) * 0.02)
    plot.set_xticks(epoch_ticks(1, max(2, last)))
    low, high = value_range([value for line in shown.lines for _, value in line.points])
    plot.set_ylimits(low, high)
    plot.set_yticks(value_ticks(low, high))


def _plot_with_title() -> Vertical:
    from textual_plot import PlotWidget

    plot = PlotWidget(allow_pan_and_zoom=False)
    plot.can_focus = False
    return Vertical(Static(classes="overlaid-title"), plot, classes="overlaid-plot")
