"""A question whose answer is a number; escape cancels."""

from __future__ import annotations

import math
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Static


class AskNumber(ModalScreen["float | None"]):
    """Dismissed with the number, or None."""

    DEFAULT_CSS = """
    AskNumber {
        align: center middle;
        #box { width: 64; max-width: 90%; height: auto; border: round $primary; background: $surface; padding: 1 2; }
        Input { margin-top: 1; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss(None)", "Cancel", key_display="esc")]

    def __init__(self, title: str, question: str) -> None:
        super().__init__()
        self._title, self._question = title, question

    def compose(self) -> ComposeResult:
        """The question above its answer."""
        with Vertical(id="box") as box:
            box.border_title, box.border_subtitle = self._title, "Enter confirms · Esc cancels"
            yield Static(Text(self._question))
            yield Input("0", type="number", compact=True)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Accept a finite number."""
        event.stop()
        try:
            number = float(event.value)
        except ValueError:
            return
        if math.isfinite(number):
            self.dismiss(number)
