"""Restores the main screen from the session state, and records there what the user changes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from b4r_tui.app.pane_sizes import PANES, PaneSizes
from b4r_tui.app.screens.main.screen import MainScreen
from b4r_tui.app.session_state import SessionState
from b4r_tui.app.widgets.run.detail import TABS


class SessionRecorder:
    """Restores the main screen from the session state once, and from then on records what the user changes there."""

    def __init__(self, state: SessionState, file: Path, save_soon: Callable[[], None]) -> None:
        """file: the experiments file. save_soon: called whenever there is something to save."""
        self.state, self._file, self._save_soon = state, file, save_soon
        self.restored = False

    def restore(self, main: MainScreen) -> None:
        """Restore the experiment, sizes, sort order and tab of the last session; only the first call does anything."""
        if self.restored:
            return
        self.restored = True
        main.select_experiment(self.state.experiment(self._file))
        PaneSizes(main).restore({pane: self.state.get(f"size.{pane}", _is_int) for pane in PANES})
        main.table.restore(self.state.get("table", lambda value: isinstance(value, dict)) or {})
        tab = self.state.get("tab", TABS.__contains__)
        if tab:
            main.detail.restore_tab(tab)

    def resize(self, main: MainScreen, pane: str, by: int) -> None:
        """Make a pane larger or smaller, and remember its size."""
        size = PaneSizes(main).resize(pane, by)
        if size is not None:
            self.remember(f"size.{pane}", size)

    def reset_sizes(self, main: MainScreen) -> None:
        """Give all panes their default sizes."""
        PaneSizes(main).reset()
        for pane in PANES:
            self.remember(f"size.{pane}", None)

    def record(self, name: str, value: object) -> None:
        """Record a value; before the last session is restored, widgets only show their defaults."""
        if self.restored:
            self.remember(name, value)

    def record_experiment(self, name: str | None) -> None:
        """Record which experiment is selected."""
        if self.restored and name and self.state.put_experiment(self._file, name):
            self._save_soon()

    def remember(self, name: str, value: object) -> None:
        """Record a value at any time."""
        if self.state.put(name, value):
            self._save_soon()


def _is_int(value: Any) -> bool:
    return isinstance(value, int)
