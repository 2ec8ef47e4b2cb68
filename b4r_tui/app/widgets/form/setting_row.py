"""A row of the form: name, value and origin of a setting; Enter opens an input in place of the value."""

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
from b4r_tui.app.widgets.form.row_content import UNSET, RowContent
from b4r_tui.app.widgets.palette import Palette, palette_of
from b4r_tui.experiments.editing.origins import Source
from b4r_tui.experiments.settings import Setting

LABEL_WIDTH = 23
NOT_SET = "not set here"


class SettingRow(Widget, can_focus=True):
    """Shows the content of a setting. Posts `Edited` at every change of its input and `Closed` when that closes."""

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
        Binding("enter,space", "edit", "Edit", tooltip="Edit the value; Enter confirms, Esc reverts"),
        Binding("escape", "revert", "Revert", show=False),
        Binding("up,k", "move(-1)", "Up", show=False),
        Binding("down,j", "move(1)", "Down", show=False),
        Binding("pageup", "move(-10)", "Page up", show=False),
        Binding("pagedown", "move(10)", "Page down", show=False),
        Binding("home", "move(-1000)", "First", show=False),
        Binding("end", "move(1000)", "Last", show=False),
        Binding("r,backspace", "reset", "Reset", tooltip="Reset to inherited value"),
        Binding("w", "sweep", "Sweep", show=False, tooltip="Sweep this setting"),
    ]

    @dataclass
    class Edited(Message):
        """The value was changed; "" unsets it."""

        row: SettingRow
        text: str

    @dataclass
    class Closed(Message):
        """The input was closed."""

        row: SettingRow

    @dataclass
    class Highlighted(Message):
        """The cursor moved to the row."""

        row: SettingRow

    @dataclass
    class Moved(Message):
        """The cursor should move down by this many rows."""

        row: SettingRow
        rows: int

    @dataclass
    class SweepRequested(Message):
        """The setting should be swept."""

        row: SettingRow

    def __init__(self, setting: Setting) -> None:
        super().__init__()
        self.setting = setting
        self.content = RowContent()
        self.choices: tuple[str, ...] = setting.choices
        self._before = ""

    @property
    def editing(self) -> bool:
        """Return whether the input is open."""
        return bool(self.children)

    def show(self, content: RowContent) -> None:
        """Show this content."""
        if content != self.content:
            self.content = content
            self.set_class(bool(content.error), "wrong")
            self.refresh()

    def show_error(self, error: str) -> None:
        """Show this error and leave the value as it is, as while the input is open."""
        if error != self.content.error:
            self.show(replace(self.content, error=error))

    def matches(self, words: str) -> bool:
        """Return whether the row matches the words of the filter."""
        setting = self.setting
        about = f"{setting.label or setting.key} {setting.help} {self.content.value}".lower()
        return all(
            word in about or word == setting.group or ("." in word and word in setting.key)
            for word in words.lower().split()
        )

    def render(self) -> Table:
        """Return the line, with the error below it."""
        palette, content = palette_of(self.app), self.content
        sign, colour = _sign_and_colour(content, palette)
        line = Table.grid(padding=(0, 1, 0, 0))
        line.add_column(width=1)
        line.add_column(width=LABEL_WIDTH, no_wrap=True, overflow="ellipsis")
        line.add_column(width=self._value_width, no_wrap=True, overflow="ellipsis")
        line.add_column(justify="right", no_wrap=True, overflow="ellipsis", width=self._note_width)
        label = self.setting.label or self.setting.key
        focused = self.has_focus or self.editing
        line.add_row(
            Text(sign, colour),
            Text(label, palette.strong if content.here or focused else palette.faint),
            Text(content.value or UNSET, f"bold {colour}" if content.here or content.error else colour),
            Text(content.note, palette.faint),
        )
        if not content.error:
            return line
        with_error = Table.grid()
        with_error.add_row(line)
        with_error.add_row(Text(f"  ╰ {content.error}", palette.failed, no_wrap=True, overflow="ellipsis"))
        return with_error

    @property
    def _value_width(self) -> int:
        return max(12, (self.size.width - LABEL_WIDTH - 5) * 11 // 20)

    @property
    def _note_width(self) -> int:
        return max(1, self.size.width - LABEL_WIDTH - self._value_width - 5)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Enable the keys of the row while its input is closed, and the others while it is open."""
        if action == "revert":
            return self.editing
        if action == "sweep":
            return not self.editing and "." in self.setting.key and self.setting.kind != "axis"
        return action == "move" or not self.editing

    async def action_edit(self) -> None:
        """Open the input; a bool is toggled instead."""
        if self.editing:
            return
        self._before = self.content.value if self.content.here else ""
        if self.setting.kind == "bool":
            self._set("off" if self.content.value == "on" else "on")
            self.post_message(self.Closed(self))
            return
        field = self._select() if self.setting.kind == "choice" else self._input()
        field.styles.margin = (0, 0, 0, LABEL_WIDTH + 3)
        field.styles.width = self._value_width
        await self.mount(field)
        field.focus()
        if isinstance(field, Select):
            self.watch(field, "expanded", self._close_when_collapsed, init=False)
            field.expanded = True

    def _select(self) -> Select[str]:
        options = [(choice, choice) for choice in self.choices]
        value = self.content.value if self.content.value in self.choices else Select.NULL
        return Select(options, value=value, compact=True, prompt=NOT_SET)

    def _input(self) -> Input:
        return Input(self.content.value, placeholder=self.setting.about, compact=True, select_on_focus=True)

    def _close_when_collapsed(self, expanded: bool) -> None:
        """Close the input when its list of choices closes."""
        if not expanded:
            self.call_later(while_mounted(self, self.close))

    async def close(self, focus: bool = True) -> None:
        """Close the input and keep its value."""
        if not self.editing:
            return
        had_focus = self.has_focus_within
        await self.remove_children()
        self.refresh()
        self.post_message(self.Closed(self))
        if focus and had_focus:
            self.focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Apply every keystroke at once."""
        event.stop()
        if event.value != self.content.value:
            self._set(event.value)

    async def on_input_submitted(self, event: Input.Submitted) -> None:
        """Confirm the value."""
        event.stop()
        await self.close()

    def on_select_changed(self, event: Select.Changed) -> None:
        """Apply the choice."""
        event.stop()
        value = "" if event.value is Select.NULL else str(event.value)
        if value != self.content.value:
            self._set(value)

    async def action_revert(self) -> None:
        """Close the input and restore the previous value."""
        self._set(self._before)
        await self.close()

    def action_reset(self) -> None:
        """Unset the value in this experiment, so that it is inherited."""
        if self.content.here:
            self._set("")
            self.post_message(self.Closed(self))

    def action_sweep(self) -> None:
        """Request a sweep of this setting."""
        self.post_message(self.SweepRequested(self))

    async def action_move(self, rows: int) -> None:
        """Close the input and move to another row."""
        await self.close()
        self.post_message(self.Moved(self, rows))

    def on_focus(self) -> None:
        """Report that the cursor is here."""
        self.post_message(self.Highlighted(self))

    async def on_click(self, event: events.Click) -> None:
        """Open the input on a double click."""
        if event.chain == 2 and not self.editing:
            await self.action_edit()

    async def on_descendant_blur(self) -> None:
        """Close the input when the focus leaves it by mouse or for another pane."""
        if self.editing and not self.has_focus_within and self.screen.is_active:
            await self.close(focus=False)

    def _set(self, text: str) -> None:
        source = Source.HERE if text else self.content.source
        self.content = replace(self.content, value=text, source=source)
        self.refresh()
        self.post_message(self.Edited(self, text))


def _sign_and_colour(content: RowContent, palette: Palette) -> tuple[str, str]:
    """Return the sign in front of the row and the colour of its value."""
    if content.error:
        return "✗", palette.failed
    if content.source is None:
        return "≡", palette.second
    return {
        Source.HERE: ("●", palette.running),
        Source.INHERITED: ("↑", palette.strong),
        Source.DEFAULTS: ("↑", palette.strong),
        Source.DEFAULT: (" ", palette.faint),
    }[content.source]
