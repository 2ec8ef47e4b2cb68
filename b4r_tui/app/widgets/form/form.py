"""The form: every setting of one experiment in sections, a filter above, help for the row at the cursor below."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.widgets import Input, Static

from b4r_tui.app.widgets.form.faces import OWN, axes_of, axis, faces_of, rows_of, story
from b4r_tui.app.widgets.form.row import SettingRow
from b4r_tui.app.widgets.form.strip import ExperimentStrip
from b4r_tui.app.widgets.palette import palette_of
from b4r_tui.common.format import plural
from b4r_tui.experiments.editing.analysis import Verdict, View
from b4r_tui.experiments.editing.values import typed
from b4r_tui.experiments.settings import SETTINGS
from b4r_tui.experiments.sweep.names import SEEDS

SEED_ROW = f"sweep.{SEEDS}"


class Heading(Static):
    """The name of a group above its rows."""


class Filter(Input):
    """What rows have to contain; esc takes it away, enter goes on to the rows."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "clear", "Clear", show=False),
        Binding("down,enter", "rows", "To the rows", show=False),
    ]

    def action_clear(self) -> None:
        """Show all rows again."""
        self.value = ""
        self.display = False
        self.action_rows()

    def action_rows(self) -> None:
        """Go on to the first row."""
        if not self.value:
            self.display = False
        form = self.screen.query_one(ExperimentForm)
        form.filter(self.value)  # the last letter may not have come there yet
        form.focus_row()


class ExperimentForm(Vertical):
    """Rows that say what a view and a verdict say."""

    def __init__(self) -> None:
        super().__init__(id="form")
        self._view: View | None = None
        self._keys: list[str] = []
        self._at = ""  # the key at the cursor

    def compose(self) -> ComposeResult:
        """Names, filter, rows, help."""
        yield ExperimentStrip()
        yield Filter(placeholder="filter settings", compact=True, id="filter")
        yield VerticalScroll(id="rows", can_focus=False)
        yield Static(id="help")

    def on_mount(self) -> None:
        """The filter comes when it is asked for."""
        self.query_one(Filter).display = False

    @property
    def rows(self) -> list[SettingRow]:
        """The rows that are not filtered away, in order."""
        return [row for row in self.query(SettingRow) if row.display]

    @property
    def at(self) -> SettingRow | None:
        """The row at the cursor."""
        return self.row(self._at)

    def row(self, key: str) -> SettingRow | None:
        """The row of a setting."""
        return next((row for row in self.query(SettingRow) if row.setting.key == key), None)

    async def show(self, view: View, verdict: Verdict) -> None:
        """Show the values of a view; rows stay where the settings are the same."""
        self._view = view
        keys = [setting.key for setting in rows_of(view)]
        if keys != self._keys:
            self._keys = keys
            await self._arrange(view)
        self.query_one(ExperimentStrip).show((None, *view.names), view.name)
        faces = faces_of(view, verdict)
        for row in self.query(SettingRow):
            if row.setting.key == "extends":
                row.choices = tuple(name for name in view.names if name != view.name)
            if row.setting.key in faces and not row.editing:
                row.show(faces[row.setting.key])
            elif row.setting.key in faces:
                row.warn(faces[row.setting.key].error)
        self._label_sweep(verdict.outlook or (plural(verdict.runs, "run") if verdict.runs else ""))
        self.tell()

    async def _arrange(self, view: View) -> None:
        """Rows for what the view has: all are made at first, later only those of a sweep come and go."""
        rows, focused = self.query_one("#rows"), self.has_focus_within
        if not rows.children:
            await rows.mount_all(_parts())
        wanted = {setting.key: setting for setting in axes_of(view)}
        for row in self.query(SettingRow):
            if row.setting.kind == "axis" and row.setting.key not in (*wanted, SEED_ROW):
                await row.remove()
            wanted.pop(row.setting.key, None)
        seeds = self.row(SEED_ROW)
        if wanted and seeds:
            await rows.mount_all([SettingRow(setting) for setting in wanted.values()], before=seeds)
        self.filter(self.query_one(Filter).value)
        if focused and not self.query_one(Filter).has_focus and not (self.at and self.at.editing):
            self.focus_row()

    def _label_sweep(self, said: str) -> None:
        for heading in self.query("#heading-sweep").results(Heading):
            heading.update(Text.assemble("sweep", (f"  {said}", palette_of(self.app).second)))

    def focus_row(self, key: str | None = None) -> None:
        """Put the cursor on the row of a setting; by default where it was, or on the first row."""
        row = self.row(key or self._at)
        rows = self.rows
        if row is None or not row.display:
            row = next(iter(rows), None)
        if row is None:
            return
        is_first = row is rows[0]
        row.focus(scroll_visible=not is_first)
        if is_first:  # the heading above it is to be seen too
            self.query_one("#rows").scroll_home(animate=False)

    def filter(self, words: str) -> None:
        """Show only the rows that match."""
        for row in self.query(SettingRow):
            row.display = row.setting.key in self._keys and row.matches(words)
        shown = {row.setting.group if row.setting.label else "experiment" for row in self.rows}
        for heading in self.query(Heading):
            heading.display = str(heading.id).removeprefix("heading-") in shown

    def ask_filter(self) -> None:
        """Open the filter."""
        box = self.query_one(Filter)
        box.display = True
        box.focus()
        box.select_all()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Something was typed into the filter."""
        if event.input.id == "filter":
            event.stop()
            self.filter(event.value)

    def on_setting_row_reached(self, message: SettingRow.Reached) -> None:
        """Tell about the row at the cursor."""
        self._at = message.row.setting.key
        self.tell()

    def on_setting_row_moved(self, message: SettingRow.Moved) -> None:
        """Go up or down as far as there are rows."""
        rows = self.rows
        if message.row in rows:
            rows[max(0, min(len(rows) - 1, rows.index(message.row) + message.rows))].focus()

    def tell(self) -> None:
        """Say what the row at the cursor is, where its value comes from, and what is wrong with it."""
        row, palette = self.at, palette_of(self.app)
        if row is None:
            return
        setting = row.setting
        what = setting.about
        if setting.default not in (None, "", [], {}) and setting.kind != "choice":
            what += f", default {typed(setting.default)}"
        text = Text.assemble((setting.key, "bold"), "  ", (what, palette.second), "\n")
        if row.face.error:
            text.append(row.face.error, palette.failed)
        else:
            text.append(setting.help, palette.faint)
            origin = self._view.settings.get(setting.key) if self._view else None
            text.append(f"\n{story(origin)}" if origin else "", palette.strong)
        self.query_one("#help", Static).update(text)


def _parts() -> list[Heading | SettingRow]:
    """All rows that are always there, under their headings."""
    parts: list[Heading | SettingRow] = []
    group = None
    for setting in (*OWN, *SETTINGS.values(), axis(SEEDS)):
        name = setting.group if setting.label else "experiment"
        if name != group:
            group = name
            parts.append(Heading(name, id=f"heading-{name}"))
        parts.append(SettingRow(setting))
    return parts
