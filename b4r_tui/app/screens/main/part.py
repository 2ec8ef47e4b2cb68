"""What the parts of the main screen share."""

from __future__ import annotations

from textual.screen import Screen

from b4r_tui.app.services import Services, services_of
from b4r_tui.app.widgets.run.detail import RunDetail
from b4r_tui.app.widgets.runs.table import RunTable


class Part(Screen[None]):
    """A part of a screen that has a table of runs and the details of one run."""

    @property
    def services(self) -> Services:
        """What the app does for all screens."""
        return services_of(self)

    @property
    def table(self) -> RunTable:
        """The runs."""
        return self.query_one(RunTable)

    @property
    def detail(self) -> RunDetail:
        """The details of one run."""
        return self.query_one(RunDetail)
