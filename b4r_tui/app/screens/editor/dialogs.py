"""Questions and messages of the editor."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from textual.screen import Screen

from b4r_tui.app.screens.dialogs.ask_name import AskName, AskOne


class Dialogs(Protocol):
    """What the parts of the editor ask and tell the user."""

    async def ask_name(
        self, title: str, about: str, name: str, problem: Callable[[str], str | None]
    ) -> str | None:
        """Ask for a name that `problem` has no objection to; None if cancelled."""

    async def ask_choice(self, title: str, question: str, answers: dict[str, str]) -> str | None:
        """Ask for one of a few answers, by key; None if cancelled."""

    def inform(self, sentence: str) -> None:
        """Show a message for a few seconds."""

    def warn(self, sentence: str) -> None:
        """Show why nothing was done."""

    def refuse(self, sentence: str) -> None:
        """Show the error that prevented a change."""


class ScreenDialogs:
    """Dialogs on top of a screen. The questions must be asked in a worker."""

    def __init__(self, screen: Screen[None]) -> None:
        self._screen = screen

    async def ask_name(
        self, title: str, about: str, name: str, problem: Callable[[str], str | None]
    ) -> str | None:
        """Open the dialog for a name."""
        return await self._screen.app.push_screen_wait(AskName(title, about, name, problem))

    async def ask_choice(self, title: str, question: str, answers: dict[str, str]) -> str | None:
        """Open the dialog with a button per answer."""
        return await self._screen.app.push_screen_wait(AskOne(title, question, answers))

    def inform(self, sentence: str) -> None:
        """Show a notification."""
        self._screen.notify(sentence, timeout=4)

    def warn(self, sentence: str) -> None:
        """Show a warning."""
        self._screen.notify(sentence, severity="warning")

    def refuse(self, sentence: str) -> None:
        """Show an error."""
        self._screen.notify(sentence, severity="error", timeout=6)
