"""Curves of a run, or of several over each other: loss, metric, throughput, learning rate; with zoom.

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
from b4r_tui.app.widgets.run.curve_data import Asked, Curve, Window, curves_of, names_of

if TYPE_CHECKING:
    from b4r_tui.app.snapshot import RunView

NOTHING = "A curve begins when the first epoch has ended."
ALL_ROWS = 24  # from this height on all four plots are in sight
PAGES = ((0, 1), (2, 3))


class Curves(Vertical, can_focus=True):
    """Two plots, or four where there is room; above them the runs where they are several."""

    DEFAULT_CSS = """
    Curves {
        &:focus #curve-status { color: $primary; }
        #curve-status { height: auto; max-height: 4; padding: 0 1; color: $text-muted; }
        #plots { height: 1fr; display: none; grid-size: 2 1; }
        #plots.all { grid-size: 2 2; }
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
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "plus,equals_sign", "zoom(0.5)", "Zoom", key_display="+ -", tooltip="Half of the epochs in sight"
        ),
        Binding("minus", "zoom(2.0)", "Zoom out", show=False, tooltip="Twice the epochs in sight"),
        Binding("left", "move(-0.25)", "Earlier", show=False, tooltip="Earlier epochs"),
        Binding("right", "move(0.25)", "Later", show=False, tooltip="Later epochs"),
        Binding("0", "whole", "Whole", show=False, tooltip="All epochs"),
        Binding("v", "page", "Other curves", tooltip="Loss and metric, or throughput and learning rate"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._view: RunView | None = None
        self._beside: list[RunView] = []
        self._asked: Asked | None = None
        self._window, self._page = Window(), 0
        self._curves: list[Curve] = []
        self._names: list[str] = []
        self._drawn: object = None
        self._turn = asyncio.Lock()  # a resize, or another run, while the plots are being made

    def compose(self) -> ComposeResult:
        """The runs, room for the plots, and what stands there before there is a point."""
        yield Static(id="curve-status")
        yield Grid(id="plots")
        yield Static(NOTHING, classes="nothing")

    def put_beside(self, views: Sequence[RunView], asked: Asked | None) -> None:
        """Draw these runs, where there are any, and this metric, at the next `show`."""
        self._beside, self._asked = list(views), asked

    async def show(self, view: RunView) -> None:
        """Show the curves of a run, over those of the runs put beside it."""
        self._view = view
        views = self._beside or [view]
        self._names = names_of(views) if views != [view] else []  # one may stand for another under the cursor
        self._curves = curves_of(views, self._asked)
        there = any(each.progress.history for each in views)
        self.query_one("#plots").display = there
        self.query_one("#curve-status").display = there and (bool(self._names) or self._window != Window())
        self.query_one(".nothing").display = not there
        if there:
            async with self._turn:
                await self._draw()

    async def redraw(self) -> None:
        """Draw again, in the colours of a new theme."""
        self._drawn = None
        if self._view:
            await self.show(self._view)

    async def on_resize(self) -> None:
        """There may be room for all of them, or no longer; each plot fills its own."""
        if self._view:
            await self.show(self._view)

    def rest(self) -> None:
        """Nothing goes on here by itself."""

    @property
    def _in_sight(self) -> list[int]:
        return [0, 1, 2, 3] if self.size.height >= ALL_ROWS else list(PAGES[self._page])

    async def _draw(self) -> None:
        """Draw what changed since the last time."""
        wanted = (
            self._curves,
            self._window,
            self._in_sight,
            self._names,
            self.size.width if self._names else 0,
        )
        if wanted == self._drawn:
            return
        from b4r_tui.app.widgets.run import curve_plot

        self._drawn = wanted
        room, dark = self.query_one("#plots", Grid), self.app.current_theme.dark
        if not room.children:
            await room.mount_all(_plot_with_title() for _ in range(4))
        room.set_class(len(self._in_sight) > 2, "all")
        palette = palette_of(self.app)
        for number, (place, curve) in enumerate(zip(room.children, self._curves, strict=True)):
            place.display = number in self._in_sight
            if place.display:
                title = curve_plot.title_of(curve, self._names, dark, palette)
                place.query_one(".plot-title", Static).update(title)
                curve_plot.draw(place.query_one("PlotWidget"), curve, self._window, self._names, dark)
        status = self.query_one("#curve-status", Static)
        status.update(
            curve_plot.legend(self._names, dark, self.size.width - 2) if self._names else self._said()
        )

    def _said(self) -> str:
        share = self._window.end - self._window.start
        return f"{share:.0%} of the epochs in sight; 0 shows all"

    async def action_zoom(self, factor: float) -> None:
        """Fewer or more epochs; no fewer than from one to the next."""
        views = self._beside or ([self._view] if self._view else [])
        low, high = self._window.epochs(max([2, *(view.progress.epochs_done for view in views)]))
        if factor > 1 or high - low > 1:
            await self._look_at(self._window.zoomed(factor))

    async def action_move(self, share: float) -> None:
        """Earlier or later epochs."""
        await self._look_at(self._window.moved(share))

    async def action_whole(self) -> None:
        """All epochs."""
        await self._look_at(Window())

    async def action_page(self) -> None:
        """The other two curves."""
        self._page = 1 - self._page
        await self._look_at(self._window)

    async def _look_at(self, window: Window) -> None:
        self._window = window
        if self._view:
            await self.show(self._view)


def _plot_with_title() -> Vertical:
    from textual_plot import PlotWidget

    plot = PlotWidget(allow_pan_and_zoom=False)
    plot.can_focus = False
    return Vertical(Static(classes="plot-title"), plot, classes="plot")
