"""Questions of the editor: a name, or one of a few answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Static

BOX = """
    align: center middle;
    #box { width: 66; max-width: 92%; height: auto; border: round $primary; background: $surface; padding: 1 2;
           border-subtitle-color: $text-muted; }
    #buttons { height: auto; align-horizontal: right; margin-top: 1; }
    Button { margin-left: 2; min-width: 10; }
"""


class AskName(ModalScreen[str | None]):
    """Asks for a name that `fault` accepts (returns None for); dismissed with it, or None."""

    DEFAULT_CSS = f"""
    AskName {{ {BOX}
        Input {{ margin-top: 1; border: none; height: 1; padding: 0 1; background: $boost; }}
        Input:focus {{ border: none; background: $primary 20%; }}
        #fault {{ color: $error; height: auto; min-height: 1; margin-top: 1; }}
    }}
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss(None)", "Cancel", key_display="esc")]

    def __init__(self, title: str, about: str, name: str, fault: Callable[[str], str | None]) -> None:
        super().__init__()
        self._title, self._about, self._name, self._fault = title, about, name, fault

    def compose(self) -> ComposeResult:
        """The purpose, the name, and what is wrong with it."""
        with Vertical(id="box") as box:
            box.border_title, box.border_subtitle = self._title, "Enter confirms · Esc cancels"
            yield Static(Text(self._about))
            yield Input(self._name, compact=True, select_on_focus=True)
            yield Static(id="fault")

    def on_input_changed(self, event: Input.Changed) -> None:
        """Show at once what is wrong with a name."""
        fault = self._fault(event.value) if event.value != self._name else None
        self.query_one("#fault", Static).update(Text(fault or ""))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Accept the name if it is valid."""
        fault = self._fault(event.value)
        if fault is None:
            self.dismiss(event.value)
        else:
            self.query_one("#fault", Static).update(Text(fault))


class AskOne(ModalScreen[str | None]):
    """Asks for one of a few answers; dismissed with its key, or None. The first has the focus."""

    DEFAULT_CSS = f"AskOne {{ {BOX} #box {{ border: round $warning; }} }}"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(None)", "Cancel", key_display="esc"),
        *(Binding(key, f"answer('{key}')", "Answer", show=False) for key in "sdkt"),
        Binding("right", "app.focus_next", "Next", show=False),
        Binding("left", "app.focus_previous", "Previous", show=False),
    ]

    def __init__(self, title: str, question: str, answers: dict[str, str]) -> None:
        """answers: the labels of the buttons by their keys, which are also the letters that choose them."""
        super().__init__()
        self._title, self._question, self._answers = title, question, answers

    def compose(self) -> ComposeResult:
        """The question above its answers."""
        with Vertical(id="box") as box:
            box.border_title, box.border_subtitle = self._title, "Esc cancels"
            yield Static(Text(self._question))
            with Horizontal(id="buttons"):
                for number, (key, label) in enumerate(self._answers.items()):
                    yield Button(label, id=f"answer-{key}", variant="default" if number else "primary")

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Answer with the key of the button."""
        self.dismiss(str(event.button.id).removeprefix("answer-"))

    def action_answer(self, key: str) -> None:
        """Answer with a letter, if it is one of the keys."""
        if key in self._answers:
            self.dismiss(key)
