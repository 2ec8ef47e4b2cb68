"""Asks which program to run on a finished run, and for its options."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Button, ContentSwitcher, Input, Label, OptionList, Select, Static
from textual.widgets.option_list import Option

from b4r_tui.app.program_forms import PROGRAMS, Call, FormField, Program
from engine.contract.errors import B4RError


class RunProgram(ModalScreen[Call | None]):
    """Dismissed with a program and its options, or None."""

    DEFAULT_CSS = """
    RunProgram {
        align: center middle;
        #box {
            width: 76; max-width: 96%; height: auto; max-height: 94%;
            border: round $primary; background: $surface; padding: 1 2 0 2;
            border-subtitle-color: $text-muted;
        }
        #programs { height: auto; max-height: 7; border: none; padding: 0; background: transparent; }
        #about { color: $text-muted; margin: 1 0; height: auto; }
        ContentSwitcher, .form { height: auto; }
        .field { height: 1; }
        .field Label { width: 14; color: $text-muted; }
        .field Input { width: 1fr; height: 1; border: none; padding: 0 1; background: $boost; }
        .field Input:focus { background: $primary 25%; }
        .field Select { width: 16; height: 1; }
        .field SelectCurrent { height: 1; border: none; padding: 0 1; background: $boost; width: 1fr; }
        .field Select:focus SelectCurrent { background: $primary 25%; }
        #fault { color: $error; height: auto; margin-top: 1; display: none; }
        #buttons { height: auto; align-horizontal: right; margin-top: 1; }
        Button { margin-left: 2; min-width: 12; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss(None)", "Cancel", key_display="esc")]

    def __init__(self, run_name: str) -> None:
        super().__init__()
        self._run_name = run_name

    def compose(self) -> ComposeResult:
        """The programs, the form of the highlighted one, and the buttons."""
        with VerticalScroll(id="box", can_focus=False) as box:
            box.border_title = Text.assemble("Run on this model  ", (self._run_name, "bold"))
            box.border_subtitle = "Enter starts · Tab to the form · Esc cancels"
            yield OptionList(*(Option(Text(each.title), id=each.name) for each in PROGRAMS), id="programs")
            yield Static(id="about")
            with ContentSwitcher(initial=_form_id(PROGRAMS[0])):
                for program in PROGRAMS:
                    with Vertical(id=_form_id(program), classes="form"):
                        yield from map(_line, program.fields)
            yield Static(id="fault")
            with Horizontal(id="buttons"):
                yield Button("Cancel", id="no", compact=True)
                yield Button("Start", id="yes", variant="primary", compact=True)

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        """Show the form of another program."""
        program = PROGRAMS[event.option_index]
        self.query_one("#about", Static).update(Text(program.about))
        self.query_one(ContentSwitcher).current = _form_id(program)
        self._show_fault("")

    def on_option_list_option_selected(self) -> None:
        """Start a program on enter."""
        self._start()

    def on_input_submitted(self) -> None:
        """Start the program on enter in a field, too."""
        self._start()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Start or cancel."""
        if event.button.id == "yes":
            self._start()
        else:
            self.dismiss(None)

    def _start(self) -> None:
        program = PROGRAMS[self.query_one("#programs", OptionList).highlighted or 0]
        try:
            call = program.call(self._texts(program))
        except B4RError as error:
            self._show_fault(error.sentence)
        else:
            self.dismiss(call)

    def _show_fault(self, sentence: str) -> None:
        fault = self.query_one("#fault", Static)
        fault.update(Text(sentence))
        fault.display = bool(sentence)

    def _texts(self, program: Program[object]) -> dict[str, str]:
        form = self.query_one(f"#{_form_id(program)}")
        texts = {str(field.name): field.value for field in form.query(Input)}
        return texts | {str(field.name): str(field.value) for field in form.query(Select)}


def _form_id(program: Program[object]) -> str:
    return f"form-{program.name}"


def _line(field: FormField) -> Horizontal:
    """Return a label and its input or choices."""
    line = Horizontal(classes="field")
    line.compose_add_child(Label(field.label))
    if field.choices:
        options = [(choice, choice) for choice in field.choices]
        line.compose_add_child(
            Select(options, value=field.default, allow_blank=False, name=field.key, compact=True)
        )
    else:
        line.compose_add_child(Input(field.default, field.help, name=field.key))
    return line
