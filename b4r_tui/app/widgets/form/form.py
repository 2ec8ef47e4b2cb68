"""The form: all settings of one experiment by group, with a filter above and help for the current row below."""

from __future__ import annotations

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.widgets import Input, Static

from b4r_tui.app.widgets.form.experiment_bar import ExperimentBar
from b4r_tui.app.widgets.form.row_content import (
    EXPERIMENT_SETTINGS,
    axis_row,
    axis_rows,
    origin_sentence,
    row_contents,
    row_settings,
)
from b4r_tui.app.widgets.form.setting_filter import SettingFilter
from b4r_tui.app.widgets.form.setting_row import SettingRow
from b4r_tui.app.widgets.palette import palette_of
from b4r_tui.common.format import plural
from b4r_tui.experiments.editing.analysis import CheckResult, ExperimentView
from b4r_tui.experiments.editing.values import to_input
from b4r_tui.experiments.settings import SETTINGS
from b4r_tui.experiments.sweep.names import SEEDS

SEED_ROW = f"sweep.{SEEDS}"


class Heading(Static):
    """The name of a settings group above its rows."""


class ExperimentForm(Vertical):
    """The rows of one experiment or of [defaults]."""

    def __init__(self) -> None:
        super().__init__(id="form")
        self._view: ExperimentView | None = None
        self._keys: list[str] = []
        self._current_key = ""

    def compose(self) -> ComposeResult:
        """Yield the experiments, the filter, the rows and the help."""
        yield ExperimentBar()
        yield SettingFilter(self._leave_filter)
        yield VerticalScroll(id="rows", can_focus=False)
        yield Static(id="help")

    def on_mount(self) -> None:
        """Hide the filter until it is opened."""
        self.query_one(SettingFilter).display = False

    @property
    def rows(self) -> list[SettingRow]:
        """Return the visible rows, in order."""
        return [row for row in self.query(SettingRow) if row.display]

    @property
    def current_row(self) -> SettingRow | None:
        """Return the row at the cursor."""
        return self.row(self._current_key)

    def row(self, key: str) -> SettingRow | None:
        """Return the row of a setting."""
        return next((row for row in self.query(SettingRow) if row.setting.key == key), None)

    async def show(self, view: ExperimentView, result: CheckResult) -> None:
        """Show a view and its problems; rows are only added or removed for settings that come or go."""
        self._view = view
        keys = [setting.key for setting in row_settings(view)]
        if keys != self._keys:
            self._keys = keys
            await self._update_rows(view)
        self.query_one(ExperimentBar).show((None, *view.names), view.name)
        contents = row_contents(view, result)
        for row in self.query(SettingRow):
            if row.setting.key == "extends":
                row.choices = tuple(name for name in view.names if name != view.name)
            content = contents.get(row.setting.key)
            if content and row.editing:
                row.show_error(content.error)
            elif content:
                row.show(content)
        self._label_sweep(result.preview or (plural(result.runs, "run") if result.runs else ""))
        self.show_help()

    async def _update_rows(self, view: ExperimentView) -> None:
        """Create the rows the first time; later add and remove only those of swept settings."""
        rows, focused = self.query_one("#rows"), self.has_focus_within
        if not rows.children:
            await rows.mount_all(_all_rows())
        wanted = {setting.key: setting for setting in axis_rows(view)}
        for row in self.query(SettingRow):
            if row.setting.kind == "axis" and row.setting.key not in (*wanted, SEED_ROW):
                await row.remove()
            wanted.pop(row.setting.key, None)
        seeds = self.row(SEED_ROW)
        if wanted and seeds:
            await rows.mount_all([SettingRow(setting) for setting in wanted.values()], before=seeds)
        self.filter(self.query_one(SettingFilter).value)
        current = self.current_row
        if focused and not self.query_one(SettingFilter).has_focus and not (current and current.editing):
            self.focus_row()

    def _label_sweep(self, preview: str) -> None:
        for heading in self.query("#heading-sweep").results(Heading):
            heading.update(Text.assemble("sweep", (f"  {preview}", palette_of(self.app).second)))

    def focus_row(self, key: str | None = None) -> None:
        """Move the cursor to the row of a setting, by default back to the current row; else to the first row."""
        row = self.row(key or self._current_key)
        rows = self.rows
        if row is None or not row.display:
            row = next(iter(rows), None)
        if row is None:
            return
        is_first = row is rows[0]
        row.focus(scroll_visible=not is_first)
        if is_first:  # so that the heading above it is visible too
            self.query_one("#rows").scroll_home(animate=False)

    def filter(self, words: str) -> None:
        """Show only the rows that match."""
        for row in self.query(SettingRow):
            row.display = row.setting.key in self._keys and row.matches(words)
        shown = {row.setting.group if row.setting.label else "experiment" for row in self.rows}
        for heading in self.query(Heading):
            heading.display = str(heading.id).removeprefix("heading-") in shown

    def open_filter(self) -> None:
        """Open the filter."""
        self.query_one(SettingFilter).open()

    def _leave_filter(self, words: str) -> None:
        self.filter(words)  # the change event of the last key may still be queued
        self.focus_row()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Apply the filter at every keystroke."""
        if event.input.id == "filter":
            event.stop()
            self.filter(event.value)

    def on_setting_row_highlighted(self, message: SettingRow.Highlighted) -> None:
        """Show help for the row at the cursor."""
        self._current_key = message.row.setting.key
        self.show_help()

    def on_setting_row_moved(self, message: SettingRow.Moved) -> None:
        """Move the cursor up or down, at most to the first or last row."""
        rows = self.rows
        if message.row in rows:
            rows[max(0, min(len(rows) - 1, rows.index(message.row) + message.rows))].focus()

    def show_help(self) -> None:
        """Show what the current setting is, and its error or the origin of its value."""
        row, palette = self.current_row, palette_of(self.app)
        if row is None:
            return
        setting = row.setting
        about = setting.about
        if setting.default not in (None, "", [], {}) and setting.kind != "choice":
            about += f", default {to_input(setting.default)}"
        text = Text.assemble((setting.key, "bold"), "  ", (about, palette.second), "\n")
        if row.content.error:
            text.append(row.content.error, palette.failed)
        else:
            text.append(setting.help, palette.faint)
            origin = self._view.settings.get(setting.key) if self._view else None
            text.append(f"\n{origin_sentence(origin)}" if origin else "", palette.strong)
        self.query_one("#help", Static).update(text)


def _all_rows() -> list[Heading | SettingRow]:
    """Return the permanent rows under their headings."""
    rows: list[Heading | SettingRow] = []
    group = None
    for setting in (*EXPERIMENT_SETTINGS, *SETTINGS.values(), axis_row(SEEDS)):
        name = setting.group if setting.label else "experiment"
        if name != group:
            group = name
            rows.append(Heading(name, id=f"heading-{name}"))
        rows.append(SettingRow(setting))
    return rows
