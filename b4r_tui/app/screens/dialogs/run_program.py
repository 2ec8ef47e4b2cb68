"""Asks what to do with a finished run: an action, and the few choices it has."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Button, ContentSwitcher, Input, Label, OptionList, Select, Static
from textual.widgets.option_list import Option

from b4r_tui.app.program_forms import ACTIONS, Action, Field, Values

Chosen = tuple[Action, list[str]]


class AfterTraining(ModalScreen[Chosen | None]):
    """Dismissed with an action and its arguments, or None."""

    DEFAULT_CSS = """
    AfterTraining {
        align: center middle;
        #box {
            width: 76; max-width: 96%; height: auto; max-height: 94%;
            border: round $primary; background: $surface; padding: 1 2 0 2;
            border-subtitle-color: $text-muted;
        }
        #actions { height: auto; max-height: 7; border: none; padding: 0; background: transparent; }
        #about { color: $text-muted; margin: 1 0; height: auto; }
        ContentSwitcher, .form { height: auto; }
        .field { height: 1; }
        .field Label { width: 14; color: $text-muted; }
        .field Input { width: 1fr; height: 1; border: none; padding: 0 1; background: $boost; }
        .field Input:focus { background: $primary 25%; }
        .field Select { width: 16; height: 1; }
        .field SelectCurrent { height: 1; border: none; padding: 0 1; background: $boost; width: 1fr; }
        .field Select:focus SelectCurrent { background: $primary 25%; }
        #buttons { height: auto; align-horizontal: right; margin-top: 1; }
        Button { margin-left: 2; min-width: 12; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss(None)", "Cancel", key_display="esc")]

    def __init__(self, run_name: str) -> None:
        super().__init__()
        self._run_name = run_name

    def compose(self) -> ComposeResult:
        """The actions, the form of the highlighted one, and the answers."""
        with VerticalScroll(id="box", can_focus=False) as box:
            box.border_title = Text.assemble("After training  ", (self._run_name, "bold"))
            box.border_subtitle = "enter starts · tab to the form · esc closes"
            yield OptionList(
                *(Option(Text(action.title), id=action.name) for action in ACTIONS), id="actions"
            )
            yield Static(id="about")
            with ContentSwitcher(initial=_form_id(ACTIONS[0])):
                for action in ACTIONS:
                    with Vertical(id=_form_id(action), classes="form"):
                        yield from map(_line, action.fields)
            with Horizontal(id="buttons"):
                yield Button("Cancel", id="no", compact=True)
                yield Button("Start", id="yes", variant="primary", compact=True)

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        """Show the form of another action."""
        action = ACTIONS[event.option_index]
        self.query_one("#about", Static).update(Text(action.about))
        self.query_one(ContentSwitcher).current = _form_id(action)

    def on_option_list_option_selected(self) -> None:
        """Enter on an action starts it as its form stands."""
        self._start()

    def on_input_submitted(self) -> None:
        """Enter in a field starts, too."""
        self._start()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """A button is an answer."""
        if event.button.id == "yes":
            self._start()
        else:
            self.dismiss(None)

    def _start(self) -> None:
        action = ACTIONS[self.query_one("#actions", OptionList).highlighted or 0]
        self.dismiss((action, action.arguments(self._values(action))))

    def _values(self, action: Action) -> Values:
        form = self.query_one(f"#{_form_id(action)}")
        values = {str(field.name): field.value for field in form.query(Input)}
        return values | {str(field.name): str(field.value) for field in form.query(Select)}


def _form_id(action: Action) -> str:
    return f"form-{action.name}"


def _line(field: Field) -> Horizontal:
    """A label and what is typed or chosen beside it."""
    line = Horizontal(classes="field")
    line.compose_add_child(Label(field.label))
    if field.choices:
        options = [(choice, choice) for choice in field.choices]
        line.compose_add_child(
            Select(options, value=field.default, allow_blank=False, name=field.argument, compact=True)
        )
    else:
        line.compose_add_child(Input(field.default, field.hint, name=field.argument))
    return line
