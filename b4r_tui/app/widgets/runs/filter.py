"""The line in which one types which runs the table is to show; what is typed takes effect at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.message import Message
from textual.widgets import Input, Static


class RunFilter(Horizontal):
    """Hidden until `ask`, and again once nothing is filtered."""

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
        Binding("escape", "clear", "All runs again", show=False),
        Binding("down", "leave", "To the runs", show=False),
    ]

    @dataclass
    class Changed(Message):
        """Other runs are wanted: those in which all these words occur."""

        words: str

    class Left(Message):
        """The person is done typing."""

    def __init__(self) -> None:
        super().__init__()
        self.display = False

    def compose(self) -> ComposeResult:
        """What is asked, and the answer."""
        yield Static("/ ")
        yield Input(compact=True, placeholder="name, state, data set or cause")

    def ask(self) -> None:
        """Let the person type; the next key already goes here."""
        self.display = True
        self.screen.set_focus(self.query_one(Input))

    def clear(self) -> None:
        """Show all runs again."""
        self.query_one(Input).value = ""
        self.display = False

    def on_input_changed(self, event: Input.Changed) -> None:
        """Take effect at once."""
        event.stop()
        self.post_message(self.Changed(event.value))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter: leave it at that."""
        event.stop()
        self.action_leave()

    def action_leave(self) -> None:
        """On to the runs; the line stays in sight while it hides any."""
        self.display = bool(self.query_one(Input).value)
        self.post_message(self.Left())

    def action_clear(self) -> None:
        """All runs again, and on to them."""
        self.clear()
        self.post_message(self.Left())
