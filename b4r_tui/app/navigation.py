"""The part of the app that opens screens and dialogs. Imports of screens other than the main one are deferred."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textual import work
from textual.app import App, SuspendNotSupported
from textual.screen import Screen

from b4r_tui.app.lifecycle import while_mounted
from b4r_tui.app.screens.main.screen import MainScreen
from b4r_tui.app.services import Loading, Unsaved
from engine.contract.errors import B4RError

if TYPE_CHECKING:
    from b4r_tui.app.snapshot import RunView
    from b4r_tui.runs.store import Run

UNTESTED = "a comparison needs two runs that have finished and were tested"


class Navigation(App[None]):
    """An app whose lowest screen is the main screen."""

    file: Path
    runs_root: Path

    @property
    def main(self) -> MainScreen:
        """The main screen."""
        main = self.main_if_open()
        assert main is not None
        return main

    def main_if_open(self) -> MainScreen | None:
        """Return the main screen; None while the app is exiting, when messages may still arrive."""
        return next((screen for screen in self.screen_stack if isinstance(screen, MainScreen)), None)

    def views(self) -> Sequence[RunView]:
        """All runs of the last snapshot, newest first."""
        return self.main.views()

    def experiment_names(self) -> Sequence[str]:
        """The experiments of the file."""
        return self.main.experiment_names()

    # screens -----------------------------------------------------------------------------------

    def edit_experiment(self, name: str) -> None:
        """Open the editor screen on an experiment."""
        from b4r_tui.app.screens.editor.screen import EditorScreen

        self.push_screen(EditorScreen(self.file, name), lambda _: self.main.action_reload())

    def action_leaderboard(self) -> None:
        """Rank all tested runs."""
        from b4r_tui.app.screens.leaderboard import LeaderboardScreen

        self.push_screen(LeaderboardScreen(self.runs_root))

    def open_comparison(self, runs: Sequence[Run]) -> None:
        """Open the compare screen on these runs."""
        from b4r_tui.app.screens.compare.screen import CompareScreen

        self.push_screen(CompareScreen(self.runs_root, runs))

    @work(group="navigation", exclusive=True)
    async def choose_comparison(self, marked: Sequence[RunView]) -> None:
        """Compare the marked runs if they are at least two, else ask which ones."""
        runs = await self._runs_to_compare(marked)
        if runs:
            self.open_comparison(runs)

    async def _runs_to_compare(self, marked: Sequence[RunView]) -> Sequence[Run]:
        from b4r_tui.app.screens.compare.picker import ComparePicker

        if len(marked) >= 2:
            return [view.run for view in marked]
        tested = [view for view in self.views() if view.progress.test]
        if len(tested) < 2:
            self.show_error("Nothing to compare yet", UNTESTED)
            return []
        chosen = [view for view in marked if view.progress.test]
        return await self.push_screen_wait(ComparePicker(tested, chosen)) or []

    def action_tour(self) -> None:
        """Show the tour; it may create the experiments file."""
        from b4r_tui.app.screens.tour import Tour

        self.push_screen(Tour(self.file, self.runs_root), self._after_tour)

    def _after_tour(self, created: bool | None) -> None:
        if created:
            self.main.action_reload()
            title = f"Created {self.file.name}"
            self.notify("Press l to launch the highlighted experiment.", title=title, timeout=6)

    def action_help(self) -> None:
        """Show what the keys do."""
        from b4r_tui.app.screens.help import Help, keys_of

        self.push_screen(Help(keys_of(self.screen.active_bindings.values())))

    def show_error(self, title: str, sentence: str) -> None:
        """Show an error until it is closed."""
        from b4r_tui.app.screens.dialogs.error import ErrorDialog

        self.push_screen(ErrorDialog(title, sentence))

    def edit_file(self) -> None:
        """Open the experiments file in the user's own editor, and wait until that is closed."""
        from b4r_tui.app.external_editor import editor_command, open_editor

        try:
            command = editor_command()
            with self.suspend():
                open_editor(command, self.file)
        except SuspendNotSupported:
            self.show_error(
                "No editor here",
                "this terminal cannot run another program; edit the file in another terminal",
            )
        except B4RError as error:
            self.show_error("The file was not edited", error.sentence)

    # from one screen to another ----------------------------------------------------------------

    async def open_run(self, view: RunView) -> None:
        """Show a run on the main screen."""
        if await self._go_back_to(MainScreen):
            await self.main.open_run(view)

    @work(group="navigation", exclusive=True)
    async def act_on(self, kind: type[Screen[Any]], action: str) -> None:
        """Go to a screen, and run one of its actions once it is ready."""
        if not await self._go_back_to(kind):
            return
        if not isinstance(self.screen, kind):
            await self._open(kind)
        screen = self.screen
        if isinstance(screen, kind):
            when_ready(screen, lambda: self.run_action(action, screen))

    async def _go_back_to(self, kind: type[Screen[Any]]) -> bool:
        """Close screens down to one of this kind or the main screen; return False if unsaved changes forbid it."""
        main = self.main_if_open()
        while main is not None and self.screen is not main and not isinstance(self.screen, kind):
            if isinstance(self.screen, Unsaved) and self.screen.changed:
                self.show_error("The editor has unsaved changes", "save them or leave the editor first")
                return False
            await self.pop_screen()
        return main is not None

    async def _replace_screen(self, screen: Screen[Any]) -> Screen[Any]:
        """Remove a closed screen, but not before it is mounted.

        Else a key that closes a screen which has just been opened would find widgets half-way: those that look for
        their children in `on_mount` would raise NoMatches, Textual's own widgets included.
        """
        await screen._mounted_event.wait()
        return await super()._replace_screen(screen)

    async def _open(self, kind: type[Screen[Any]]) -> None:
        """Open a screen as its key on the main screen does."""
        from b4r_tui.app.screens.compare.screen import CompareScreen
        from b4r_tui.app.screens.editor.screen import EditorScreen
        from b4r_tui.app.screens.leaderboard import LeaderboardScreen

        if kind is EditorScreen:
            self.edit_experiment(self.main.experiment or "")
        elif kind is LeaderboardScreen:
            self.action_leaderboard()
        elif kind is CompareScreen:
            runs = await self._runs_to_compare(self.main.table.chosen)
            if runs:
                self.open_comparison(runs)


def when_ready(screen: Screen[Any], callback: Callable[[], object]) -> None:
    """Call back once a screen has read what its keys act on: now, or after the message that brings it."""

    def check(_: object = None) -> None:
        if not isinstance(screen, Loading) or screen.ready:
            screen.message_signal.unsubscribe(screen)
            screen.call_later(while_mounted(screen, callback))

    def wait() -> None:
        screen.message_signal.subscribe(screen, check, immediate=True)
        check()

    screen.call_later(while_mounted(screen, wait))
