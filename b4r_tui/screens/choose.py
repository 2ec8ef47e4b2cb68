"""A question with a list of answers; escape is none of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen
from textual.widgets import OptionList
from textual.widgets.option_list import Option


class Choose(ModalScreen["int | None"]):
    """Dismissed with the number of the answer, from 0, or None."""

    DEFAULT_CSS = """
    Choose {
        align: center middle;
        OptionList {
            width: 44; max-width: 90%; height: auto; max-height: 80%;
            border: round $primary; background: $surface; padding: 0 1;
            border-subtitle-color: $text-muted;
        }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q", "dismiss(None)", "Close", key_display="esc")]

    def __init__(self, title: str, answers: Sequence[str], now: int = 0) -> None:
        """now: the answer that is highlighted at first."""
        super().__init__()
        self._title, self._answers, self._now = title, answers, now

    def compose(self) -> ComposeResult:
        """The answers below each other."""
        answers = OptionList(*(Option(Text(answer)) for answer in self._answers))
        answers.border_title, answers.border_subtitle = self._title, "enter chooses, esc closes"
        yield answers

    def on_mount(self) -> None:
        """Begin at what is in force."""
        self.query_one(OptionList).highlighted = self._now

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """An answer."""
        event.stop()
        self.dismiss(event.option_index)
