"""The interactive app: opens the main screen on a file and a runs folder, and holds what all screens share."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import textual.screen
from textual import work
from textual.app import App, SuspendNotSupported
from textual.binding import Binding, BindingType
from textual.events import Event, InputEvent
from textual.screen import Screen
from textual.widgets import OptionList, TabbedContent

from b4r_tui.app import pane_sizes
from b4r_tui.app.idle_gc import Garbage
from b4r_tui.app.notifications import DESKTOP, LOUDNESS, Endings, desktop_sequence, sentence_of, title_of
from b4r_tui.app.poller import Poller
from b4r_tui.app.screens.main.screen import MainScreen
from b4r_tui.app.session_state import Remembered, state_folder
from b4r_tui.app.widgets.experiment_list import ExperimentList
from b4r_tui.app.widgets.run.detail import TABS, RunDetail
from b4r_tui.app.widgets.themes import DARK_THEME, THEMES
from engine.contract.errors import B4RError, ExitCode

if TYPE_CHECKING:
    from textual.command import Provider

    from b4r_tui.app.snapshot import RunView
    from b4r_tui.runs.store import Run

PERIOD = 0.35  # seconds between two looks at the files
OPENS = {
    "EditorScreen": "edit",
    "CompareScreen": "compare",
    "LeaderboardScreen": "app.leaderboard",
}  # keys of main
ACT_TRIES = 20  # of 0.05 s
PAINTS = 240  # a second at most, of what has changed; with Textual's 60, keys that take two paints wait up to 33 ms
SAVE_AFTER = 1.0  # seconds from a change of what is remembered to its file


def _commands() -> type[Provider]:
    from b4r_tui.app.screens.command_palette import Commands  # when the palette is opened first

    return Commands


class B4RApp(App[None]):
    """Edits, launches and watches experiments. Training goes on without it."""

    TITLE = "b4r-tui"
    CSS_PATH = "screens/main/main.tcss"
    COMMANDS = {_commands}  # noqa: RUF012 (not a ClassVar there)
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("question_mark", "help", "Help", key_display="?", tooltip="Show what the keys do"),
        Binding("q", "quit", "Quit", tooltip="Leave; runs go on", priority=False),
        Binding("tab", "app.focus_next", "Next pane", show=False),
        Binding("shift+tab", "app.focus_previous", "Previous pane", show=False),
    ]

    def __init__(
        self,
        file: Path,
        runs: Path,
        now: Callable[[], float] = time.time,
        period: float = PERIOD,
        remembered: Remembered | None = None,
        tour: bool = False,
    ) -> None:
        """file: the experiments. runs: the runs root. now, period: the clock, injected by tests.

        remembered: what the last start left, None for nothing. tour: whether to offer an experiments file where
        there is none.
        """
        super().__init__()
        if "TEXTUAL_FPS" not in os.environ:  # somebody on a slow line may want fewer
            textual.screen.UPDATE_PERIOD = 1 / PAINTS  # type: ignore[misc]
        self.file, self.runs_root = file, runs
        self._now, self._period, self._tour = now, period, tour
        self.animation_level = "none"  # what a key does is there at once, also through SSH
        self.remembered = remembered or Remembered(None)
        self.endings = Endings()
        self.broke: Exception | None = None
        self._restored = False
        self._garbage = Garbage()
        for theme in THEMES:
            self.register_theme(theme)
        self.theme = (
            self.remembered.get("theme", lambda name: name in self.available_themes) or DARK_THEME.name
        )

    def get_default_screen(self) -> Screen[None]:
        """The main screen, at once: nothing is drawn before it."""
        return MainScreen(self.file.name, Poller(self.file, self.runs_root), self._now, self._period)

    def on_mount(self) -> None:
        """Remember themes; say where what was remembered is lost; where there is no experiments file, offer one."""
        self.theme_changed_signal.subscribe(self, lambda theme: self.remember("theme", theme.name))
        self.set_interval(1.0, self._garbage.look)
        if self.remembered.fault:
            self.notify(
                self.remembered.fault, title="Nothing was remembered", severity="warning", markup=False
            )
        if self._tour and not self.file.exists():
            self.call_after_refresh(self.action_tour)

    async def on_event(self, event: Event) -> None:
        """Somebody may be at the keys."""
        if isinstance(event, InputEvent):
            self._garbage.touched()
        await super().on_event(event)

    # what is remembered ------------------------------------------------------------------------

    def remember(self, name: str, value: object) -> None:
        """Keep a value for the next start."""
        if self.remembered.put(name, value):
            self._save_soon()

    def _save_soon(self) -> None:
        self.set_timer(
            SAVE_AFTER, lambda: self.run_worker(self.remembered.save, thread=True, group="remember")
        )

    def on_main_screen_fed(self, message: MainScreen.Fed) -> None:
        """Tell which runs have ended; at the first look, go back to where the last start was."""
        for view in self.endings.news(message.snapshot.runs):
            self._tell_end(view)
        if not self._restored and self._has_main:
            self._restored = True
            self._restore()

    def _restore(self) -> None:
        experiments = self.main.query_one(ExperimentList)
        name = self.remembered.experiment(self.file)
        known = [option.id for option in experiments.options]
        if name in known:
            experiments.highlighted = known.index(name)
        pane_sizes.restore(self.main, self.remembered)
        self.main.table.restore(self.remembered.get("table", lambda value: isinstance(value, dict)) or {})
        tab = self.remembered.get("tab", lambda value: value in TABS)
        if tab:
            self.main.query_one(RunDetail).restore_tab(tab)

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        """Another experiment is looked at."""
        experiments = event.option_list
        name = experiments.selected if self._restored and isinstance(experiments, ExperimentList) else None
        if name and self.remembered.put_experiment(self.file, name):
            self._save_soon()

    def on_tabbed_content_tab_activated(self, event: TabbedContent.TabActivated) -> None:
        """Another tab of a run is looked at."""
        if self._restored and event.pane.id in TABS:
            self.remember("tab", event.pane.id)

    def on_run_table_changed(self) -> None:
        """Runs may be sorted otherwise."""
        if self._restored and self._has_main:
            self.remember("table", self.main.table.saved)

    def action_resize(self, pane: str, by: int) -> None:
        """Make a pane of the main screen larger or smaller."""
        size = pane_sizes.resize(self.main, pane, by) if self.screen is self.main else None
        if size is not None:
            self.remember(f"size.{pane}", size)

    def action_reset_layout(self) -> None:
        """The sizes of panes that the program came with."""
        pane_sizes.reset(self.main)
        for pane in pane_sizes.REST:
            self.remember(f"size.{pane}", None)

    @property
    def main(self) -> MainScreen:
        """The screen below all others."""
        return next(screen for screen in self.screen_stack if isinstance(screen, MainScreen))

    @property
    def _has_main(self) -> bool:
        """Whether that is still there; messages may come while the app is being left."""
        return any(isinstance(screen, MainScreen) for screen in self.screen_stack)

    # runs that end -----------------------------------------------------------------------------

    def _tell_end(self, view: RunView) -> None:
        loudness = self.remembered.get("notify", LOUDNESS.__contains__) or LOUDNESS[0]
        title, sentence = title_of(view), sentence_of(view)
        if loudness == "off":
            return
        severity = "error" if view.state.value in ("failed", "lost") else "information"
        self.notify(sentence, title=title, severity=severity, timeout=8, markup=False)  # type: ignore[arg-type]
        if loudness == "bell":
            self.bell()
        how = self.remembered.get("desktop", DESKTOP.__contains__) or DESKTOP[0]
        self.write_to_terminal(desktop_sequence(how, title, sentence, os.environ))

    def write_to_terminal(self, sequence: str) -> None:
        """Write a control sequence past the screen, where there is a terminal."""
        if sequence and self._driver is not None:
            self._driver.write(sequence)

    # other screens -----------------------------------------------------------------------------

    def compare(self, views: Sequence[RunView], marked: Sequence[RunView]) -> None:
        """Compare the marked runs where they are two or more, else those that are chosen among the tested ones."""
        from b4r_tui.app.screens.compare.picker import ComparePicker

        tested = [view for view in views if view.progress.test]
        chosen = [view for view in marked if view.progress.test]
        if len(marked) >= 2:
            self.open_comparison([view.run for view in marked])
        elif len(tested) < 2:
            self.show_error(
                "Nothing to compare yet", "a comparison needs two runs that have finished and were tested"
            )
        else:
            self.push_screen(ComparePicker(tested, chosen), self.open_comparison)

    def open_comparison(self, runs: Sequence[Run] | None) -> None:
        """Show what runs differ in; nothing where none were chosen."""
        from b4r_tui.app.screens.compare.screen import CompareScreen

        if runs:
            self.push_screen(CompareScreen(self.runs_root, runs))

    def action_leaderboard(self) -> None:
        """Rank all runs that were tested."""
        from b4r_tui.app.screens.leaderboard import LeaderboardScreen

        self.push_screen(LeaderboardScreen(self.runs_root))

    def action_tour(self) -> None:
        """Show the tour; it may make the experiments file."""
        from b4r_tui.app.screens.tour import Tour

        self.push_screen(Tour(self.file, self.runs_root), self._after_tour)

    def _after_tour(self, made: bool | None) -> None:
        if made:
            self.main.action_reload()
            self.notify(
                "Press l to launch the highlighted experiment.", title=f"Made {self.file.name}", timeout=6
            )

    def launch(self, name: str) -> list[Run]:
        """Start a run of an experiment as the file says now. Called in a thread. Raises B4RError."""
        from b4r_tui.experiments.load import load_experiments
        from b4r_tui.runs.launch import launch
        from b4r_tui.runs.store import RunStore

        return launch(RunStore(self.runs_root), load_experiments(self.file, only=[name]).runnable())

    def stop(self, run: Run) -> None:
        """Ask a run to stop. Called in a thread. Raises B4RError."""
        from b4r_tui.runs.launch import stop

        stop(run)

    def resume(self, run: Run) -> None:
        """Take up a run that has ended before its time. Called in a thread. Raises B4RError."""
        from b4r_tui.runs.resume import resume

        resume(run)

    def edit_file(self) -> None:
        """Hand the terminal to the person's editor until it is closed."""
        from b4r_tui.app.external_editor import editor_command, open_editor

        try:
            command = editor_command()
            with self.suspend():
                open_editor(command, self.file)
        except SuspendNotSupported:
            self.show_error(
                "No editor here", "this terminal can't be handed to an editor; edit the file elsewhere"
            )
        except B4RError as error:
            self.show_error("The file was not edited", error.sentence)

    def show_error(self, title: str, sentence: str) -> None:
        """The one place where errors are shown."""
        from b4r_tui.app.screens.dialogs.error import Notice

        self.push_screen(Notice(title, sentence))

    def action_help(self) -> None:
        """Show the keys."""
        from b4r_tui.app.screens.help import Help, keys_of

        self.push_screen(Help(keys_of(self.screen.active_bindings.values())))

    async def action_quit(self) -> None:
        """Leave; say what goes on without us. An editor with unsaved changes asks first."""
        editors = [screen for screen in self.screen_stack if getattr(screen, "changed", False)]
        if not editors:
            self._leave()
        elif editors[-1] is self.screen:  # else a question stands before it already
            editors[-1].ask_to_leave(self._leave)  # type: ignore[attr-defined]

    def _leave(self) -> None:
        self.remembered.save()
        self.exit(message=farewell(self._active_runs(), self.runs_root))

    def _active_runs(self) -> int:
        return sum(screen.active_runs() for screen in self.screen_stack if isinstance(screen, MainScreen))

    @work(group="elsewhere", exclusive=True)
    async def act_on(self, kind: type[Screen[Any]], action: str) -> None:
        """Go to a screen, and do there what one of its keys does once it can be done."""
        while self.screen is not self.main and not isinstance(self.screen, kind):
            if getattr(self.screen, "changed", False):
                self.show_error("The editor has changes", "save them or leave the editor first")
                return
            await self.pop_screen()
        if not isinstance(self.screen, kind):
            await self.main.run_action(OPENS[kind.__name__])
        closed = 0  # looks at the main screen; above it, runs may still be chosen by hand
        while closed < ACT_TRIES:
            if isinstance(self.screen, kind) and getattr(self.screen, "ready", True):
                await self.run_action(action, self.screen)
                return
            closed = closed + 1 if self.screen is self.main else 0
            await asyncio.sleep(0.05)

    async def open_run(self, view: RunView) -> None:
        """Show a run on the main screen."""
        while self.screen is not self.main:
            await self.pop_screen()
        await self.main.open_run(view)

    def edit_experiment(self, name: str) -> None:
        """Open the editor on an experiment."""
        from b4r_tui.app.screens.editor.screen import EditorScreen

        self.push_screen(EditorScreen(self.file, name), lambda _: self.main.action_reload())

    # when the app itself breaks ----------------------------------------------------------------

    def _handle_exception(self, error: Exception) -> None:
        """Keep the first error for the log; the terminal is restored as ever."""
        self.broke = self.broke or error
        super()._handle_exception(error)

    def _print_error_renderables(self) -> None:
        """The farewell; nothing where the app broke, as `run_app` says that in one line."""
        if self.broke is not None:
            self._exit_renderables.clear()
        super()._print_error_renderables()


def farewell(active: int, runs: Path) -> str | None:
    """What is said in the shell after the app is left while runs go on."""
    if not active:
        return None
    go = "1 run goes" if active == 1 else f"{active} runs go"
    return f"{go} on in {runs}; open b4r-tui again to watch."


def run_app(file: Path, runs: Path, tour: bool = False) -> int:
    """Run the app until it is left. Returns the exit code: 1 where the app itself broke."""
    folder = state_folder()
    app: B4RApp | None = None
    try:
        app = B4RApp(file, runs, remembered=Remembered(folder / "app.json"), tour=tour)
        app.run()
        if app.broke is None:
            return int(app.return_code or ExitCode.OK)
        broke = app.broke
    except B4RError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever it is, it is told in one line
        broke = (app and app.broke) or error
    from b4r_tui.app.crash_log import crash_line

    sys.stderr.write(f"b4r-tui: {crash_line(broke, folder)}\n")
    return 1
