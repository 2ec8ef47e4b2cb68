"""What the parts of the main screen share."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from textual.screen import Screen

from b4r_tui.app.widgets.run.detail import RunDetail
from b4r_tui.app.widgets.runs.table import RunTable

if TYPE_CHECKING:
    from b4r_tui.app.app import B4RApp


class Part(Screen[None]):
    """A part of a screen with a table of runs and one run closer."""

    @property
    def b4r(self) -> B4RApp:
        """The app, which calls the core for all screens."""
        return cast("B4RApp", self.app)

    @property
    def table(self) -> RunTable:
        """The runs."""
        return self.query_one(RunTable)

    @property
    def detail(self) -> RunDetail:
        """One run, closer."""
        return self.query_one(RunDetail)
