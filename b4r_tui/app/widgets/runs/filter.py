"""The input line that filters the table of runs as the user types."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.message import Message
from textual.widgets import Input, Static


class RunFilter(Horizontal):
    """A line that is hidden until `ask`, and again when there is no filter."""

    DEFAULT_CSS = """
    RunFilter {
        layer: above;
        overlay: screen;
        offset: 1 -1;
        width: 48;
        max-width: 90%;
        height: 1;
        padding: 0 1;
        Static { width: auto; color: $text-muted; }
        Input { width: 1fr; background: $surface; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "clear", "Clear", show=False),
        Binding("down", "leave", "Focus runs", show=False),
    ]

    @dataclass
    class Changed(Message):
        """The table is to show only runs in which all these words occur."""

        words: str

    class Left(Message):
        """The user has finished typing."""

    def __init__(self) -> None:
        super().__init__()
        self.display = False

    def compose(self) -> ComposeResult:
        """Yield the prompt and the input."""
        yield Static("/ ")
        yield Input(compact=True, placeholder="name, state, data set or cause")

    def ask(self) -> None:
        """Let the user type; the next key already goes here."""
        self.display = True
        self.screen.set_focus(self.query_one(Input))

    def clear(self) -> None:
        """Show all runs."""
        self.query_one(Input).value = ""
        self.display = False

    def on_input_changed(self, event: Input.Changed) -> None:
        """Filter by what has been typed so far."""
        event.stop()
        self.post_message(self.Changed(event.value))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Keep the filter and leave the line."""
        event.stop()
        self.action_leave()

    def action_leave(self) -> None:
        """Focus the runs; the line stays visible while there is a filter."""
        self.display = bool(self.query_one(Input).value)
        self.post_message(self.Left())

    def action_clear(self) -> None:
        """Show all runs and focus them."""
        self.clear()
        self.post_message(self.Left())
