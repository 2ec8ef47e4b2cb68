"""Two curves of a run side by side: training loss, and validation NDCG by protocol.

The plotting library brings numpy, so it is imported when the first curve is drawn.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.widgets import Static

from b4r_tui.widgets import numbers
from b4r_tui.widgets.palette import Palette, palette_of

if TYPE_CHECKING:
    from b4r_tui.feed import RunView
    from engine.events import Epoch

NOTHING = "A curve begins when the first epoch has ended."
Points = tuple[list[float], list[float]]


@dataclass
class Curve:
    """What one plot shows: its title and its lines by name."""

    title: str
    lines: dict[str, Points] = field(default_factory=dict)


class Curves(Vertical):
    """The loss curve on the left, the metric's on the right."""

    DEFAULT_CSS = """
    Curves {
        #plots { height: 1fr; display: none; }
        .plot { width: 1fr; height: 1fr; }
        .plot-title { height: 1; padding: 0 1; text-align: center; }
        .nothing { padding: 1 2; color: $text-muted; }
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
        self._drawn: list[Curve] = []

    def compose(self) -> ComposeResult:
        """Room for the plots, and what stands there before there is a point."""
        yield Horizontal(id="plots")
        yield Static(NOTHING, classes="nothing")

    async def show(self, view: RunView) -> None:
        """Show the curves of a run."""
        history = view.progress.history
        self.query_one("#plots").display = bool(history)
        self.query_one(".nothing").display = not history
        curves = [loss_curve(history), metric_curve(history)]
        if history and curves != self._drawn:
            self._drawn = curves
            await self._draw()

    async def redraw(self) -> None:
        """Draw again, in the colours of a new theme."""
        if self._drawn:
            await self._draw()

    def rest(self) -> None:
        """Nothing goes on here by itself."""

    async def _draw(self) -> None:
        room = self.query_one("#plots", Horizontal)
        if not room.children:
            await room.mount_all(_plot_with_title() for _ in self._drawn)
        palette = palette_of(self.app)
        for place, curve in zip(room.children, self._drawn, strict=True):
            place.query_one(".plot-title", Static).update(title_of(curve, palette))
            draw_curve(place.query_one("PlotWidget"), curve, palette)


def loss_curve(history: list[Epoch]) -> Curve:
    """Training loss over epochs, counted from 1 as in the tables."""
    points = [(epoch.epoch + 1, epoch.train_loss) for epoch in history if epoch.train_loss is not None]
    return Curve("Train loss", {"": _split(points)} if points else {})


def metric_curve(history: list[Epoch], metric: str = "ndcg@10") -> Curve:
    """A validation metric over epochs, one line a protocol; another NDCG where that cutoff is not measured."""
    protocols = {name: None for epoch in history for name in epoch.metrics}
    measured = [name for epoch in history for metrics in epoch.metrics.values() for name in metrics]
    if metric not in measured:
        metric = next((name for name in measured if name.startswith("ndcg")), metric)
    curve = Curve(f"{numbers.spelled(metric)} val")
    for protocol in protocols:
        values = [(epoch.epoch + 1, epoch.metrics.get(protocol, {}).get(metric)) for epoch in history]
        points = [(x, y) for x, y in values if y is not None]
        if points:
            curve.lines[protocol] = _split(points)
    return curve


def title_of(curve: Curve, palette: Palette) -> Text:
    """The title, with the names of the lines in their colours."""
    title = Text(curve.title, palette.strong)
    for name, colour in zip(curve.lines, _colours(curve, palette), strict=True):
        if name:
            title.append(f"   ━ {name}", colour)
    return title


def draw_curve(plot: Any, curve: Curve, palette: Palette) -> None:
    """Draw a curve into a plot widget."""
    from textual_plot import HiResMode

    plot.margin_top, plot.margin_bottom, plot.margin_left = 0, 1, 8
    plot.clear()
    for (x, y), colour in zip(curve.lines.values(), _colours(curve, palette), strict=True):
        if len(x) == 1:
            plot.scatter(x, y, marker="●", marker_style=colour)
        else:
            plot.plot(x, y, line_style=colour, hires_mode=HiResMode.BRAILLE)
    last = max((max(x) for x, _ in curve.lines.values()), default=2.0)
    plot.set_xlimits(1.0, max(2.0, last))
    plot.set_xticks(epoch_ticks(int(max(2.0, last))))
    low, high = value_range([value for _, y in curve.lines.values() for value in y])
    plot.set_ylimits(low, high)
    plot.set_yticks(value_ticks(low, high))


def epoch_ticks(last: int, most: int = 5) -> list[float]:
    """Whole epochs to write below the axis: the first, the last and round ones between."""
    step = next(
        size for size in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 10**4, 10**6) if last / size <= most
    )
    between = [tick for tick in range(step, last, step) if tick - 1 >= step / 2 and last - tick >= step / 2]
    return [1.0, *map(float, between), float(last)]


def value_range(values: list[float]) -> tuple[float, float]:
    """Lowest and highest value with a little air, and never empty."""
    finite = [value for value in values if math.isfinite(value)] or [0.0, 1.0]
    low, high = min(finite), max(finite)
    air = (high - low) * 0.06 or abs(high) * 0.1 or 1.0
    return low - air, high + air


def value_ticks(low: float, high: float, most: int = 5) -> list[float]:
    """At most `most` round values between low and high."""
    size = 10.0 ** math.floor(math.log10((high - low) / most))
    step = next(size * factor for factor in (1, 2, 5, 10, 20) if (high - low) / (size * factor) <= most)
    first = math.ceil(low / step)
    return [number * step for number in range(first, math.floor(high / step) + 1)]


def _plot_with_title() -> Vertical:
    from textual_plot import PlotWidget

    plot = PlotWidget(allow_pan_and_zoom=False)
    plot.can_focus = False
    return Vertical(Static(classes="plot-title"), plot, classes="plot")


def _colours(curve: Curve, palette: Palette) -> list[str]:
    colours = [palette.running, palette.second, palette.lost, palette.finished]
    return [colours[number % len(colours)] for number in range(len(curve.lines))]


def _split(points: list[tuple[int, float]]) -> Points:
    return [float(x) for x, _ in points], [y for _, y in points]
