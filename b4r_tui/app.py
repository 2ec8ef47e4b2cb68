"""The interactive app: opens the main screen on a file and a runs folder, and holds what all screens share."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual.app import App, SuspendNotSupported, SystemCommand
from textual.binding import Binding, BindingType
from textual.screen import Screen

from b4r_tui.feed import Feed
from b4r_tui.screens.main import MainScreen
from b4r_tui.widgets.palette import DARK_THEME, LIGHT_THEME
from engine.errors import B4RError, ExitCode

if TYPE_CHECKING:
    from b4r_tui.runs.store import Run

PERIOD = 0.35  # seconds between two looks at the files


class B4RApp(App[None]):
    """Edits, launches and watches experiments. Training goes on without it."""

    TITLE = "b4r-tui"
    CSS_PATH = "screens/main.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("question_mark", "help", "Help", key_display="?", tooltip="Show what the keys do"),
        Binding("q", "quit", "Quit", tooltip="Leave; runs go on", priority=False),
        Binding("tab", "app.focus_next", "Next pane", show=False),
        Binding("shift+tab", "app.focus_previous", "Previous pane", show=False),
    ]

    def __init__(
        self, file: Path, runs: Path, now: Callable[[], float] = time.time, period: float = PERIOD
    ) -> None:
        """file: the experiments. runs: the runs root. now, period: the clock, injected by tests."""
        super().__init__()
        self.file, self.runs_root = file, runs
        self._now, self._period = now, period
        self.animation_level = "none"  # what a key does is there at once, also through SSH
        self.register_theme(DARK_THEME)
        self.register_theme(LIGHT_THEME)
        self.theme = DARK_THEME.name

    def get_default_screen(self) -> Screen[None]:
        """The main screen, at once: nothing is drawn before it."""
        return MainScreen(self.file.name, Feed(self.file, self.runs_root), self._now, self._period)

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
        from b4r_tui.screens.editor import editor_command, open_editor

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
        from b4r_tui.screens.notice import Notice

        self.push_screen(Notice(title, sentence))

    def action_help(self) -> None:
        """Show the keys."""
        from b4r_tui.screens.help import Help, keys_of

        self.push_screen(Help(keys_of(self.screen.active_bindings.values())))

    async def action_quit(self) -> None:
        """Leave; say what goes on without us. An editor with unsaved changes asks first."""
        editors = [screen for screen in self.screen_stack if getattr(screen, "changed", False)]
        if not editors:
            self._leave()
        elif editors[-1] is self.screen:  # else a question stands before it already
            editors[-1].ask_to_leave(self._leave)  # type: ignore[attr-defined]

    def _leave(self) -> None:
        self.exit(message=farewell(self._active_runs(), self.runs_root))

    def _active_runs(self) -> int:
        return sum(screen.active_runs() for screen in self.screen_stack if isinstance(screen, MainScreen))

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """The palette: what keys do here, then what Textual brings."""
        for active in screen.active_bindings.values():
            binding = active.binding
            if binding.show and active.enabled and not binding.system and binding.action != "quit":
                run = self._action_of(active.node, binding.action)
                yield SystemCommand(binding.description, active.tooltip or binding.description, run)
        yield from super().get_system_commands(screen)

    def _action_of(self, node: object, action: str) -> Callable[[], object]:
        return lambda: self.run_action(action, node)  # type: ignore[arg-type]


def farewell(active: int, runs: Path) -> str | None:
    """What is said in the shell after the app is left while runs go on."""
    if not active:
        return None
    go = "1 run goes" if active == 1 else f"{active} runs go"
    return f"{go} on in {runs}; open b4r-tui again to watch."


def run_app(file: Path, runs: Path) -> int:
    """Run the app until it is left. Returns the exit code."""
    app = B4RApp(file, runs)
    app.run()
    return int(app.return_code or ExitCode.OK)
