"""The line in which one types what to search in a log, or to filter it by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.message import Message
from textual.widgets import Input, Static

from b4r_tui.runs.logs.query import Query
from engine.contract.errors import B4RError


class LogQuestion(Horizontal):
    """Hidden until `ask`; what is typed takes effect at once."""

    DEFAULT_CSS = """
    LogQuestion {
        height: 1;
        padding: 0 1;
        #log-purpose { width: auto; color: $text-muted; }
        Input { width: 1fr; background: $surface; }
        &.wrong Input { color: $text-error; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "ctrl+r", "regex", "Regex", tooltip="Search plain words, or a regular expression", priority=True
        ),
        Binding("escape", "cancel", "Cancel", show=False),
    ]

    @dataclass
    class Asked(Message):
        """What is looked for; query: None for nothing."""

        purpose: str
        query: Query | None

    class Left(Message):
        """Nothing more is asked."""

    def __init__(self) -> None:
        super().__init__()
        self.display = False
        self._purpose = ""
        self._is_regex = False
        self._before: Query | None = None

    def compose(self) -> ComposeResult:
        """What is asked, and the answer."""
        yield Static(id="log-purpose")
        yield Input(compact=True)

    def ask(self, purpose: str, before: Query | None) -> None:
        """Ask for a `search` or `filter`; before: what is in force."""
        self._purpose, self._before = purpose, before
        self._is_regex = before.is_regex if before else purpose == "filter"
        self.display = True
        self._label()
        answer = self.query_one(Input)
        with answer.prevent(Input.Changed):
            answer.value = before.text if before else ""
        self.screen.set_focus(answer)  # before the next key comes, which is not to launch anything

    def on_input_changed(self, event: Input.Changed) -> None:
        """Take effect at once, where it can be understood."""
        event.stop()
        if self.display:
            self._tell()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter: leave it at that."""
        event.stop()
        self._leave()

    def action_cancel(self) -> None:
        """As it was before."""
        self.post_message(self.Asked(self._purpose, self._before))
        self._leave()

    def action_regex(self) -> None:
        """Plain words, or a regular expression."""
        self._is_regex = not self._is_regex
        self._label()
        self._tell()

    def _tell(self) -> None:
        text = self.query_one(Input).value
        try:
            query = Query(text, self._is_regex) if text else None
        except B4RError:
            self.add_class("wrong")
            return
        self.remove_class("wrong")
        self.post_message(self.Asked(self._purpose, query))

    def _leave(self) -> None:
        self.display = False
        self.remove_class("wrong")
        self.post_message(self.Left())

    def _label(self) -> None:
        kind = "regex" if self._is_regex else "words"
        self.query_one("#log-purpose", Static).update(f"{self._purpose} ({kind}, ^r changes): ")
