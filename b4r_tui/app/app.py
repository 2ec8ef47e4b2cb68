"""The interactive app: opens the main screen on an experiments file and a runs root; offers its screens `Services`."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import textual.screen
from textual.binding import Binding, BindingType
from textual.events import Event, InputEvent
from textual.screen import Screen
from textual.widgets import OptionList, TabbedContent

from b4r_tui.app.idle_gc import IdleCollector
from b4r_tui.app.lifecycle import while_mounted
from b4r_tui.app.navigation import Navigation
from b4r_tui.app.notifications import EndedRuns, announce
from b4r_tui.app.poller import Poller
from b4r_tui.app.run_commands import RunCommands
from b4r_tui.app.screens.main.screen import MainScreen
from b4r_tui.app.services import Unsaved
from b4r_tui.app.session_recorder import SessionRecorder
from b4r_tui.app.session_state import SessionState, state_folder
from b4r_tui.app.widgets.experiment_list import ExperimentList
from b4r_tui.app.widgets.run.detail import TABS
from b4r_tui.app.widgets.themes import DARK_THEME, THEMES
from b4r_tui.common.format import plural
from engine.contract.errors import B4RError, ExitCode

if TYPE_CHECKING:
    from textual.command import Provider

    from b4r_tui.app.services import PaletteServices

PERIOD = 0.35  # seconds between two polls
PAINTS = 240  # at most, per second; with Textual's 60, keys that take two paints wait up to 33 ms
SAVE_AFTER = 1.0  # seconds from a change of the session state to its file


def _palette_provider() -> type[Provider]:
    from b4r_tui.app.screens.command_palette import AppCommands  # deferred: imports all screens

    return AppCommands


class B4RApp(Navigation, RunCommands):
    """Edits, launches and monitors experiments. Runs train in processes of their own."""

    TITLE = "b4r-tui"
    CSS_PATH = "screens/main/main.tcss"
    COMMANDS = {_palette_provider}  # noqa: RUF012 (not a ClassVar there)
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("question_mark", "help", "Help", key_display="?", tooltip="Show what the keys do"),
        Binding("q", "quit", "Quit", tooltip="Quit (runs keep training)", priority=False),
        Binding("tab", "app.focus_next", "Next pane", show=False),
        Binding("shift+tab", "app.focus_previous", "Previous pane", show=False),
    ]

    def __init__(
        self,
        file: Path,
        runs: Path,
        now: Callable[[], float] = time.time,
        period: float = PERIOD,
        state: SessionState | None = None,
        tour: bool = False,
    ) -> None:
        """file: the experiments. runs: the runs root. now, period: the clock, injected by tests.

        state: what the last session left, None for nothing. tour: whether to show the tour if there is no file.
        """
        super().__init__()
        if "TEXTUAL_FPS" not in os.environ:  # users on a slow connection may want fewer
            textual.screen.UPDATE_PERIOD = 1 / PAINTS  # type: ignore[misc]  # declared Final there
        self.file, self.runs_root = file, runs
        self._now, self._period, self._tour = now, period, tour
        self.animation_level = "none"  # the result of a key appears at once, also through SSH
        self.session = SessionRecorder(state or SessionState(None), file, self._save_soon)
        self.crash: Exception | None = None
        self._ended = EndedRuns()
        self._garbage = IdleCollector()
        for theme in THEMES:
            self.register_theme(theme)
        saved = self.session.state.get("theme", lambda name: name in self.available_themes)
        self.theme = saved or DARK_THEME.name

    def get_default_screen(self) -> Screen[None]:
        """The main screen, so that nothing is drawn before it."""
        return MainScreen(self.file.name, Poller(self.file, self.runs_root), self._now, self._period)

    def on_mount(self) -> None:
        """Record themes; report a session state that cannot be used; show the tour if there is no experiments file."""
        self.theme_changed_signal.subscribe(self, lambda theme: self.remember("theme", theme.name))
        self.set_interval(1.0, while_mounted(self, self._garbage.collect_if_idle))
        fault = self.session.state.fault
        if fault:
            self.notify(fault, title="No saved session", severity="warning", markup=False)
        if self._tour and not self.file.exists():
            self.call_after_refresh(while_mounted(self, self.action_tour))

    async def on_event(self, event: Event) -> None:
        """Note that the user is not idle."""
        if isinstance(event, InputEvent):
            self._garbage.input_seen()
        await super().on_event(event)

    # session state -----------------------------------------------------------------------------

    def remember(self, name: str, value: object) -> None:
        """Save a value for the next start."""
        self.session.remember(name, value)

    def _save_soon(self) -> None:
        self.set_timer(SAVE_AFTER, while_mounted(self, self._save))

    def _save(self) -> None:
        self.run_worker(self.session.state.save, thread=True, group="session")

    def on_main_screen_polled(self, message: MainScreen.Polled) -> None:
        """Announce runs that have ended; after the first snapshot, restore the last session."""
        for view in self._ended.update(message.snapshot.runs):
            announce(view, self.session.state, self)
        main = self.main_if_open()
        if main is not None:
            self.session.restore(main)

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        """Record which experiment is selected."""
        if isinstance(event.option_list, ExperimentList):
            self.session.record_experiment(event.option_list.selected)

    def on_tabbed_content_tab_activated(self, event: TabbedContent.TabActivated) -> None:
        """Record which tab of a run is on top."""
        if event.pane.id in TABS:
            self.session.record("tab", event.pane.id)

    def on_run_table_changed(self) -> None:
        """Record how runs are sorted."""
        main = self.main_if_open()
        if main is not None:
            self.session.record("table", main.table.saved)

    def action_resize(self, pane: str, by: int) -> None:
        """Make a pane of the main screen larger or smaller."""
        if self.screen is self.main:
            self.session.resize(self.main, pane, by)

    def action_reset_layout(self) -> None:
        """Give all panes their default sizes."""
        self.session.reset_sizes(self.main)

    def write_to_terminal(self, sequence: str) -> None:
        """Write an escape sequence past the screen, if there is a terminal."""
        if sequence and self._driver is not None:
            self._driver.write(sequence)

    # the end -----------------------------------------------------------------------------------

    async def action_quit(self) -> None:
        """Quit; an editor with unsaved changes asks first."""
        unsaved = [screen for screen in self.screen_stack if isinstance(screen, Unsaved) and screen.changed]
        if not unsaved:
            self._quit()
        elif unsaved[-1] is self.screen:  # else its question is open already
            unsaved[-1].ask_to_leave(self._quit)

    def _quit(self) -> None:
        self.session.state.save()
        main = self.main_if_open()
        self.exit(message=farewell(main.active_runs() if main else 0, self.runs_root))

    def _handle_exception(self, error: Exception) -> None:
        """Keep the first error for the crash log; Textual restores the terminal."""
        self.crash = self.crash or error
        super()._handle_exception(error)

    def _print_error_renderables(self) -> None:
        """Print the farewell; nothing after a crash, which `run_app` reports in one line."""
        if self.crash is not None:
            self._exit_renderables.clear()
        super()._print_error_renderables()


if TYPE_CHECKING:

    def _services(app: B4RApp) -> PaletteServices:  # an error here means that the app lacks a service
        return app


def farewell(active: int, runs: Path) -> str | None:
    """Return what the shell shows after the app was left while runs are active."""
    if not active:
        return None
    return f"{plural(active, 'run')} still active in {runs}; open b4r-tui again to monitor."


def run_app(file: Path, runs: Path, tour: bool = False) -> int:
    """Run the app until it is left. Return the exit code: 1 if the app itself crashed."""
    folder = state_folder()
    app: B4RApp | None = None
    try:
        app = B4RApp(file, runs, state=SessionState(folder / "app.json"), tour=tour)
        app.run()
        if app.crash is None:
            return int(app.return_code or ExitCode.OK)
        crash = app.crash
    except B4RError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever it is, it is reported in one line
        crash = (app and app.crash) or error
    from b4r_tui.app.crash_log import crash_line  # deferred

    sys.stderr.write(f"{crash_line(crash, folder)}\n")
    return 1
