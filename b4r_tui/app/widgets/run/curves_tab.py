"""The tab with curves of a run, or of several over each other: loss, metric, throughput, learning rate; with zoom.

The plotting library brings numpy, so it is imported when the first curve is drawn.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Grid, Vertical
from textual.widgets import Static

from b4r_tui.app.widgets.palette import palette_of
from b4r_tui.app.widgets.run.curve_data import Curve, Metric, Window, curves_of, names_of
from b4r_tui.app.widgets.run_tab import RunTab

if TYPE_CHECKING:
    from b4r_tui.app.snapshot import RunView

NO_DATA = "No data yet: curves appear after epoch 1."
ALL_ROWS = 24  # from this height on all four plots are visible
PAGES = ((0, 1), (2, 3))


class CurvesTab(Vertical, RunTab, can_focus=True):
    """Two plots, or four where they fit, below the names of several runs."""

    DEFAULT_CSS = """
    CurvesTab {
        &:focus #curve-status { color: $primary; }
        #curve-status { height: auto; max-height: 4; padding: 0 1; color: $text-muted; }
        #plots { height: 1fr; display: none; grid-size: 2 1; }
        #plots.all { grid-size: 2 2; }
        .plot { width: 1fr; height: 1fr; }
        .plot-title { height: 1; padding: 0 1; text-align: center; }
        .no-data { padding: 1 2; color: $text-muted; }
        PlotWidget {
            height: 1fr;
            background: transparent;
            & > .plot--axis { color: $border-blurred; }
            & > .plot--tick { color: $text-muted; text-style: none; }
        }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("plus,equals_sign", "zoom(0.5)", "Zoom", key_display="+ -", tooltip="Zoom in"),
        Binding("minus", "zoom(2.0)", "Zoom out", show=False, tooltip="Zoom out"),
        Binding("left", "move(-0.25)", "Earlier", show=False, tooltip="Show earlier epochs"),
        Binding("right", "move(0.25)", "Later", show=False, tooltip="Show later epochs"),
        Binding("0", "reset_zoom", "Reset zoom", show=False, tooltip="Reset zoom"),
        Binding(
            "v",
            "page",
            "Other curves",
            tooltip="Loss and metric / throughput and learning rate",
        ),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._view: RunView | None = None
        self._overlaid: list[RunView] = []
        self._metric: Metric | None = None
        self._window, self._page = Window(), 0
        self._curves: list[Curve] = []
        self._names: list[str] = []
        self._drawn: object = None
        self._lock = asyncio.Lock()  # a resize, or another run, may come while plots are mounted

    def compose(self) -> ComposeResult:
        """Yield the legend, the plots, and the text for when there is no data."""
        yield Static(id="curve-status")
        yield Grid(id="plots")
        yield Static(NO_DATA, classes="no-data")

    def overlay(self, views: Sequence[RunView], metric: Metric | None) -> None:
        """Let the next `show` draw these runs, if any, and this metric."""
        self._overlaid, self._metric = list(views), metric

    async def show(self, view: RunView) -> None:
        """Show the curves of a run, or those of the overlaid runs."""
        self._view = view
        views = self._overlaid or [view]
        self._names = (
            names_of(views) if views != [view] else []
        )  # one run may be marked while the cursor is on another
        self._curves = curves_of(views, self._metric)
        has_data = any(each.progress.history for each in views)
        self.query_one("#plots").display = has_data
        self.query_one("#curve-status").display = has_data and (bool(self._names) or self._window != Window())
        self.query_one(".no-data").display = not has_data
        if has_data:
            async with self._lock:
                await self._draw()

    async def redraw(self) -> None:
        """Draw again, in the colours of a new theme."""
        self._drawn = None
        if self._view:
            await self.show(self._view)

    async def on_resize(self) -> None:
        """Show two plots or four, whichever fits."""
        if self._view:
            await self.show(self._view)

    @property
    def _visible(self) -> list[int]:
        return [0, 1, 2, 3] if self.size.height >= ALL_ROWS else list(PAGES[self._page])

    async def _draw(self) -> None:
        """Draw the plots, unless they are already drawn."""
        drawing = (
            self._curves,
            self._window,
            self._visible,
            self._names,
            self.size.width if self._names else 0,
        )
        if drawing == self._drawn:
            return
        from b4r_tui.app.widgets.run import curve_plot

        self._drawn = drawing
        grid, dark = self.query_one("#plots", Grid), self.app.current_theme.dark
        if not grid.children:
            await grid.mount_all(_plot_with_title() for _ in range(4))
        grid.set_class(len(self._visible) > 2, "all")
        palette = palette_of(self.app)
        for number, (place, curve) in enumerate(zip(grid.children, self._curves, strict=True)):
            place.display = number in self._visible
            if place.display:
                title = curve_plot.title_of(curve, self._names, dark, palette)
                place.query_one(".plot-title", Static).update(title)
                curve_plot.draw(place.query_one("PlotWidget"), curve, self._window, self._names, dark)
        status = self.query_one("#curve-status", Static)
        status.update(
            curve_plot.legend(self._names, dark, self.size.width - 2) if self._names else self._zoom_text()
        )

    def _zoom_text(self) -> str:
        share = self._window.end - self._window.start
        return f"Showing {100 * share:.0f} % of epochs · 0 resets"

    async def action_zoom(self, factor: float) -> None:
        """Show fewer or more epochs, at least two."""
        views = self._overlaid or ([self._view] if self._view else [])
        low, high = self._window.epochs(max([2, *(view.progress.epochs_done for view in views)]))
        if factor > 1 or high - low > 1:
            await self._show_window(self._window.zoomed(factor))

    async def action_move(self, share: float) -> None:
        """Show earlier or later epochs."""
        await self._show_window(self._window.moved(share))

    async def action_reset_zoom(self) -> None:
        """Show all epochs."""
        await self._show_window(Window())

    async def action_page(self) -> None:
        """Show the other two curves."""
        self._page = 1 - self._page
        await self._show_window(self._window)

    async def _show_window(self, window: Window) -> None:
        self._window = window
        if self._view:
            await self.show(self._view)


def _plot_with_title() -> Vertical:
    from textual_plot import PlotWidget

    plot = PlotWidget(allow_pan_and_zoom=False)
    plot.can_focus = False
    return Vertical(Static(classes="plot-title"), plot, classes="plot")
