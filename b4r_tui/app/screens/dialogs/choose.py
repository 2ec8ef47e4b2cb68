"""A question with a list of answers, such as which metric."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import OptionList
from textual.widgets.option_list import Option


class Choose(ModalScreen[str | None]):
    """Dismissed with one of the choices, or None."""

    DEFAULT_CSS = """
    Choose {
        align: center middle;
        #box {
            width: 44; max-width: 92%; height: auto; max-height: 80%;
            border: round $primary; background: $surface; padding: 1 1 0 1;
            border-subtitle-color: $text-muted;
        }
        OptionList { height: auto; max-height: 100%; border: none; background: transparent; padding: 0; }
        OptionList:focus { border: none; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "dismiss(None)", "Cancel", key_display="esc"),
    ]

    def __init__(self, title: str, choices: Sequence[str], now: str) -> None:
        super().__init__()
        self._title, self._choices, self._now = title, list(choices), now

    def compose(self) -> ComposeResult:
        """The choices in a box, the current one highlighted."""
        with Vertical(id="box") as box:
            box.border_title, box.border_subtitle = self._title, "Enter confirms · Esc cancels"
            options = OptionList(*(Option(Text(choice)) for choice in self._choices))
            yield options
        if self._now in self._choices:
            options.highlighted = self._choices.index(self._now)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Answer with the choice under the cursor or the mouse."""
        self.dismiss(self._choices[event.option_index])
