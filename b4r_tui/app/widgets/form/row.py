"""One setting, a line: name, value, where it comes from; Enter puts the fitting field in the place of the value."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from rich.table import Table
from rich.text import Text
from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input, Select

from b4r_tui.app.lifecycle import while_mounted
from b4r_tui.app.widgets.form.faces import UNSET, Face
from b4r_tui.app.widgets.palette import Palette, palette_of
from b4r_tui.experiments.editing.origins import Source
from b4r_tui.experiments.settings import Setting

LABEL = 23
NOT_HERE = "not set here"


class SettingRow(Widget, can_focus=True):
    """Shows a face. Posts `Typed` at every change of its field, and `Done` when the field is closed."""

    DEFAULT_CSS = """
    SettingRow {
        height: 1;
        layout: horizontal;
        padding: 0 1 0 0;
        &.wrong { height: 2; }
        &:hover { background: $boost; }
        &:focus, &:focus-within { background: $block-cursor-blurred-background; }
        &:focus { background: $block-cursor-background; color: $block-cursor-foreground; }
        Input { height: 1; border: none; padding: 0; background: $background; }
        Input:focus { border: none; background: $background; background-tint: transparent 0%; }
        Select, SelectCurrent { height: 1; border: none; padding: 0; background: $background; }
        SelectOverlay { max-height: 10; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,space", "edit", "Edit", tooltip="Change the value; enter keeps it, esc puts it back"),
        Binding("escape", "put_back", "Put back", show=False),
        Binding("up,k", "move(-1)", "Up", show=False),
        Binding("down,j", "move(1)", "Down", show=False),
        Binding("pageup", "move(-10)", "Page up", show=False),
        Binding("pagedown", "move(10)", "Page down", show=False),
        Binding("home", "move(-1000)", "First", show=False),
        Binding("end", "move(1000)", "Last", show=False),
        Binding("r,backspace", "reset", "Reset", tooltip="Take the setting out of this experiment"),
        Binding("w", "sweep", "Sweep", show=False, tooltip="Try several values of this setting, a run each"),
    ]

    @dataclass
    class Typed(Message):
        """The value was changed to what is typed now; "" is none."""

        row: SettingRow
        text: str

    @dataclass
    class Done(Message):
        """The field was closed."""

        row: SettingRow

    @dataclass
    class Reached(Message):
        """The cursor came to the row."""

        row: SettingRow

    @dataclass
    class Moved(Message):
        """The cursor should go so many rows down."""

        row: SettingRow
        rows: int

    @dataclass
    class Asked(Message):
        """Something else is wanted of the row: sweep."""

        row: SettingRow

    def __init__(self, setting: Setting) -> None:
        super().__init__()
        self.setting = setting
        self.face = Face()
        self.choices: tuple[str, ...] = setting.choices
        self._before = ""

    @property
    def editing(self) -> bool:
        """Whether its field is open."""
        return bool(self.children)

    def show(self, face: Face) -> None:
        """Say this from now on."""
        if face != self.face:
            self.face = face
            self.set_class(bool(face.error), "wrong")
            self.refresh()

    def warn(self, error: str) -> None:
        """Tell what is wrong while the field stays as it is."""
        if error != self.face.error:
            self.show(replace(self.face, error=error))

    def matches(self, words: str) -> bool:
        """Whether what was typed into the filter fits this row."""
        setting = self.setting
        about = f"{setting.label or setting.key} {setting.help} {self.face.value}".lower()
        return all(
            word in about or word == setting.group or ("." in word and word in setting.key)
            for word in words.lower().split()
        )

    def render(self) -> Table:
        """The line, and below it what is wrong."""
        palette, face = palette_of(self.app), self.face
        sign, colour = _look(face, palette)
        line = Table.grid(padding=(0, 1, 0, 0))
        line.add_column(width=1)
        line.add_column(width=LABEL, no_wrap=True, overflow="ellipsis")
        line.add_column(width=self._value_width, no_wrap=True, overflow="ellipsis")
        line.add_column(justify="right", no_wrap=True, overflow="ellipsis", width=self._note_width)
        label = self.setting.label or self.setting.key
        focused = self.has_focus or self.editing
        line.add_row(
            Text(sign, colour),
            Text(label, palette.strong if face.here or focused else palette.faint),
            Text(face.value or UNSET, f"bold {colour}" if face.here or face.error else colour),
            Text(face.note, palette.faint),
        )
        if face.error:
            whole = Table.grid()
            whole.add_row(line)
            whole.add_row(Text(f"  ╰ {face.error}", palette.failed, no_wrap=True, overflow="ellipsis"))
            return whole
        return line

    @property
    def _value_width(self) -> int:
        return max(12, (self.size.width - LABEL - 5) * 11 // 20)

    @property
    def _note_width(self) -> int:
        return max(1, self.size.width - LABEL - self._value_width - 5)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Keys of the row itself are for when no field is open, and the other way round."""
        if action == "put_back":
            return self.editing
        if action == "sweep":
            return not self.editing and "." in self.setting.key and self.setting.kind != "axis"
        return action == "move" or not self.editing

    async def action_edit(self) -> None:
        """Open the field; a bool is just switched."""
        if self.editing:
            return
        self._before = self.face.value if self.face.here else ""
        if self.setting.kind == "bool":
            self._say("off" if self.face.value == "on" else "on")
            self.post_message(self.Done(self))
            return
        field = self._select() if self.setting.kind == "choice" else self._input()
        field.styles.margin = (0, 0, 0, LABEL + 3)
        field.styles.width = self._value_width
        await self.mount(field)
        field.focus()
        if isinstance(field, Select):
            self.watch(field, "expanded", self._folded, init=False)
            field.expanded = True

    def _select(self) -> Select[str]:
        options = [(choice, choice) for choice in self.choices]
        value = self.face.value if self.face.value in self.choices else Select.NULL
        return Select(options, value=value, compact=True, prompt=NOT_HERE)

    def _input(self) -> Input:
        return Input(self.face.value, placeholder=self.setting.about, compact=True, select_on_focus=True)

    def _folded(self, expanded: bool) -> None:
        """The list of choices was closed."""
        if not expanded:
            self.call_later(while_mounted(self, self.close))

    async def close(self, focus: bool = True) -> None:
        """Close the field; what was typed stays."""
        if not self.editing:
            return
        had_focus = self.has_focus_within
        await self.remove_children()
        self.refresh()
        self.post_message(self.Done(self))
        if focus and had_focus:
            self.focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Every key counts at once."""
        event.stop()
        if event.value != self.face.value:
            self._say(event.value)

    async def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter keeps the value."""
        event.stop()
        await self.close()

    def on_select_changed(self, event: Select.Changed) -> None:
        """A choice was made."""
        event.stop()
        said = "" if event.value is Select.NULL else str(event.value)
        if said != self.face.value:
            self._say(said)

    async def action_put_back(self) -> None:
        """Close the field with what was there before."""
        self._say(self._before)
        await self.close()

    def action_reset(self) -> None:
        """Take the setting out of this experiment."""
        if self.face.here:
            self._say("")
            self.post_message(self.Done(self))

    def action_sweep(self) -> None:
        """Try several values."""
        self.post_message(self.Asked(self))

    async def action_move(self, rows: int) -> None:
        """Go to another row; an open field is closed."""
        await self.close()
        self.post_message(self.Moved(self, rows))

    def on_focus(self) -> None:
        """The cursor is here."""
        self.post_message(self.Reached(self))

    async def on_click(self, event: events.Click) -> None:
        """A second click opens the field."""
        if event.chain == 2 and not self.editing:
            await self.action_edit()

    async def on_descendant_blur(self) -> None:
        """The field was left by mouse or for another pane."""
        if self.editing and not self.has_focus_within and self.screen.is_active:
            await self.close(focus=False)

    def _say(self, text: str) -> None:
        self.face = replace(self.face, value=text, source=Source.HERE if text else self.face.source)
        self.refresh()
        self.post_message(self.Typed(self, text))


def _look(face: Face, palette: Palette) -> tuple[str, str]:
    """The sign in front, and the colour of the value."""
    if face.error:
        return "✗", palette.failed
    if face.source is None:
        return "≡", palette.second
    return {
        Source.HERE: ("●", palette.running),
        Source.INHERITED: ("↑", palette.strong),
        Source.DEFAULTS: ("↑", palette.strong),
        Source.DEFAULT: (" ", palette.faint),
    }[face.source]
