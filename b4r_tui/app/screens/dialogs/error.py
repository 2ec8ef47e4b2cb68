"""An error message: one sentence that says what is wrong and how to fix it."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static


class ErrorDialog(ModalScreen[None]):
    """Shows an error until it is closed."""

    DEFAULT_CSS = """
    ErrorDialog {
        align: center middle;
        #box {
            width: 76; max-width: 90%; height: auto; max-height: 80%;
            border: round $error; background: $surface; padding: 1 2;
            border-subtitle-color: $text-muted;
        }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,enter,q,space", "dismiss", "Close", key_display="esc")
    ]

    def __init__(self, title: str, sentence: str) -> None:
        super().__init__()
        self._title, self._sentence = title, sentence

    def compose(self) -> ComposeResult:
        """The sentence in a box."""
        with VerticalScroll(id="box") as box:
            box.border_title = self._title
            box.border_subtitle = "Esc closes"
            yield Static(Text(self._sentence))
