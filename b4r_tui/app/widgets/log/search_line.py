"""The input line for the search or filter of a log."""

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


class SearchLine(Horizontal):
    """A line that is hidden until `ask`; what the user types takes effect at once."""

    DEFAULT_CSS = """
    SearchLine {
        height: 1;
        padding: 0 1;
        #log-purpose { width: auto; color: $text-muted; }
        Input { width: 1fr; background: $surface; }
        &.invalid Input { color: $text-error; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+r", "regex", "Regex", tooltip="Plain text / regular expression", priority=True),
        Binding("escape", "cancel", "Cancel", show=False),
    ]

    @dataclass
    class QueryChanged(Message):
        """Another query is to be used; query: None for none."""

        purpose: str
        query: Query | None

    class Left(Message):
        """The user has finished typing."""

    def __init__(self) -> None:
        super().__init__()
        self.display = False
        self._purpose = ""
        self._is_regex = False
        self._before: Query | None = None

    def compose(self) -> ComposeResult:
        """Yield the prompt and the input."""
        yield Static(id="log-purpose")
        yield Input(compact=True)

    def ask(self, purpose: str, before: Query | None) -> None:
        """Ask for a `search` or `filter`; before: the current query."""
        self._purpose, self._before = purpose, before
        self._is_regex = before.is_regex if before else purpose == "filter"
        self.display = True
        self._label()
        answer = self.query_one(Input)
        with answer.prevent(Input.Changed):
            answer.value = before.text if before else ""
        self.screen.set_focus(answer)  # before the next key, which would otherwise act on runs

    def on_input_changed(self, event: Input.Changed) -> None:
        """Use what has been typed so far."""
        event.stop()
        if self.display:
            self._apply()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Keep the query and leave the line."""
        event.stop()
        self._leave()

    def action_cancel(self) -> None:
        """Restore the query from before."""
        self.post_message(self.QueryChanged(self._purpose, self._before))
        self._leave()

    def action_regex(self) -> None:
        """Switch between plain text and regular expression."""
        self._is_regex = not self._is_regex
        self._label()
        self._apply()

    def _apply(self) -> None:
        """Report what was typed, unless it is not a valid regular expression."""
        text = self.query_one(Input).value
        try:
            query = Query(text, self._is_regex) if text else None
        except B4RError:
            self.add_class("invalid")
            return
        self.remove_class("invalid")
        self.post_message(self.QueryChanged(self._purpose, query))

    def _leave(self) -> None:
        self.display = False
        self.remove_class("invalid")
        self.post_message(self.Left())

    def _label(self) -> None:
        kind = "regex" if self._is_regex else "text"
        self.query_one("#log-purpose", Static).update(f"{self._purpose} ({kind}, ^r switches): ")
