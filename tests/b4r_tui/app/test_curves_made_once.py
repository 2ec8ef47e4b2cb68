"""The plots of a run's curves are made once, whatever else asks for them meanwhile."""

from __future__ import annotations

import asyncio

from textual.app import App, ComposeResult

from b4r_tui.app.poller import Poller
from b4r_tui.app.widgets.run.curves_tab import CurvesTab
from tests.b4r_tui.app.conftest import Place


class Alone(App[None]):
    def compose(self) -> ComposeResult:
        yield CurvesTab()


async def test_a_resize_while_the_plots_are_made_draws_them_afterwards(place: Place) -> None:
    place.finished()
    snapshot = Poller(place.file, place.runs).poll()
    assert snapshot is not None
    app = Alone()
    async with app.run_test(size=(120, 40)):
        curves = app.query_one(CurvesTab)
        await asyncio.gather(curves.show(snapshot.runs[0]), curves.on_resize(), curves.show(snapshot.runs[0]))
        assert len(app.query("PlotWidget")) == 4
