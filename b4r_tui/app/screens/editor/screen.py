"""The experiments editor: a form of one experiment and the text of the whole file, both on one document."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.screen import Screen
from textual.widgets import Static, TextArea

from b4r_tui.app.lifecycle import while_mounted
from b4r_tui.app.screens.editor.dialogs import ScreenDialogs
from b4r_tui.app.screens.editor.experiment_actions import ExperimentActions
from b4r_tui.app.screens.editor.file_sync import FileSync
from b4r_tui.app.screens.editor.panes import EditorPanes
from b4r_tui.app.screens.editor.status import status_line
from b4r_tui.app.screens.editor.text_analysis import TextAnalysis, sweep_preview
from b4r_tui.app.services import Services, services_of
from b4r_tui.app.widgets.form.setting_row import SettingRow
from b4r_tui.app.widgets.key_line import KeyLine
from b4r_tui.app.widgets.palette import palette_of
from b4r_tui.experiments.editing.analysis import CheckResult, ExperimentView, parse_view
from b4r_tui.experiments.editing.document import Document
from engine.contract.errors import B4RError

POLL_SECONDS = 1.0  # how often to check whether another program changed the file


class EditorScreen(Screen[None]):
    """Shows a document and turns keys into changes of it."""

    CSS_PATH = "editor.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s", "save", "Save", priority=True, tooltip="Save the file"),
        Binding("ctrl+z", "undo", "Undo", priority=True, show=False, tooltip="Undo"),
        Binding("ctrl+y", "redo", "Redo", priority=True, show=False, tooltip="Redo"),
        Binding("n", "new", "New", tooltip="New experiment"),
        Binding("x", "extend", "Extend", show=False, tooltip="New experiment extending this one"),
        Binding("d", "duplicate", "Duplicate", show=False, tooltip="Duplicate experiment, comments included"),
        Binding("R", "rename", "Rename", show=False, tooltip="Rename experiment"),
        Binding("D,delete", "delete", "Delete", show=False, tooltip="Delete experiment"),
        Binding("slash", "filter", "Filter", key_display="/", tooltip="Filter settings"),
        Binding("left_square_bracket", "step(-1)", "Previous", key_display="[", show=False,
                tooltip="Previous experiment, or [defaults]"),
        Binding("right_square_bracket", "step(1)", "Next", key_display="]", show=False,
                tooltip="Next experiment"),
        Binding("ctrl+t,tab,shift+tab", "other_pane", "Text", key_display="tab",
                tooltip="Switch between form and text"),
        Binding("f8", "next_problem", "Next problem", show=False, tooltip="Go to the next line with a problem"),
        Binding("E", "external", "$EDITOR", show=False, tooltip="Open the file in $VISUAL or $EDITOR"),
        Binding("escape,q", "leave", "Back", key_display="esc", tooltip="Back to the runs"),
    ]  # fmt: skip

    @dataclass
    class Parsed(Message):
        """A text was parsed; view is None if it is not valid TOML."""

        version: int
        view: ExperimentView | None

    @dataclass
    class Checked(Message):
        """A text was validated."""

        version: int
        result: CheckResult

    def __init__(self, path: Path, experiment: str | None, poll_seconds: float = POLL_SECONDS) -> None:
        """path: the experiments file. experiment: which one to show first."""
        super().__init__()
        self._path, self._experiment, self._poll_seconds = path, experiment, poll_seconds
        self._document = document = Document("", "")
        self._dialogs = dialogs = ScreenDialogs(self)
        self._sync = FileSync(path, document, dialogs, self._show_text)
        self._actions = ExperimentActions(document, dialogs, self._show_text, self._show_experiment)
        self._analysis = TextAnalysis(
            path,
            start=partial(self.run_worker, group="analysis", exclusive=True),
            preview=lambda sweep: sweep_preview(sweep, self.b4r.runs_root),
            on_parsed=lambda version, view: self.post_message(self.Parsed(version, view)),
            on_checked=lambda version, result: self.post_message(self.Checked(version, result)),
        )

    @property
    def b4r(self) -> Services:
        """The app."""
        return services_of(self)

    @property
    def panes(self) -> EditorPanes:
        """Return form and text."""
        return self.query_one(EditorPanes)

    @property
    def ready(self) -> bool:
        """Return whether there is something to act on."""
        return self.is_mounted and self.panes.view is not None

    @property
    def changed(self) -> bool:
        """Return whether there are unsaved changes."""
        return self._document.changed

    def compose(self) -> ComposeResult:
        """Yield the status line, form and text, and the keys."""
        yield Static(id="state")
        yield EditorPanes(self._path.name)
        yield KeyLine()

    def on_mount(self) -> None:
        """Read the file."""
        self.app.theme_changed_signal.subscribe(self, self._redraw)
        self._show_status()
        self._load()

    # the file ----------------------------------------------------------------------------------

    @work(group="disk")
    async def _load(self) -> None:
        """Read the file, then poll it for changes."""
        try:
            await self._sync.load()
        except B4RError as error:
            self.b4r.show_error("The file cannot be edited", error.sentence)
            return
        self.panes.text.load_text(self._document.text)
        self._analysis.request(self._document, self._experiment, delay=0)
        self.set_interval(self._poll_seconds, while_mounted(self, self._poll))

    def _poll(self) -> None:
        if self._sync.outdated:
            self._pull()

    @work(group="disk")
    async def _pull(self) -> None:
        with suppress(B4RError):  # perhaps just being written; the next poll tries again
            await self._sync.pull()

    @work(group="disk")
    async def action_save(self) -> None:
        """Save the file, merged with changes by other programs."""
        await self._save()

    async def _save(self) -> bool:
        try:
            saved = await self._sync.save()
        except B4RError as error:
            self.b4r.show_error("The file was not saved", error.sentence)
            return False
        self._show_status()
        return saved

    @work(group="ask")
    async def ask_to_leave(self, leave: Callable[[], object]) -> None:
        """Call `leave` once changes are saved or discarded."""
        answer: str | None = "d"
        if self.changed:
            question = f"{self._path.name} has unsaved changes."
            answers = {"s": "Save", "d": "Discard", "k": "Keep editing"}
            answer = await self._dialogs.ask_choice("Leave the editor", question, answers)
        if answer == "d" or (answer == "s" and await self._save()):
            leave()

    # document and views ------------------------------------------------------------------------

    def _show_text(self) -> None:
        """Show a text that was not typed in the text area."""
        self.panes.text.replace_text(self._document.text)
        self._show_status()
        self._analysis.request(self._document, self._experiment)

    def on_text_area_changed(self, event: TextArea.Changed) -> None:
        """Take over what was typed in the text area; each line is one undo step."""
        area = event.text_area
        if area is self.panes.text and self._sync.loaded and area.text != self._document.text:
            self._document.change(area.text, ("text", area.cursor_location[0], area.document.line_count))
            self._show_status()
            self._analysis.request(self._document, self._experiment)

    async def on_editor_screen_parsed(self, message: Parsed) -> None:
        """Show the settings in the form, unless the text has changed since."""
        if message.version == self._document.version:
            await self._show_view(message.view)

    async def on_editor_screen_checked(self, message: Checked) -> None:
        """Show the problems, unless the text has changed since."""
        if message.version == self._document.version:
            await self.panes.show_result(message.result)
            self._show_status()

    async def _show_view(self, view: ExperimentView | None) -> None:
        if view is not None:
            self._experiment = view.name
        await self.panes.show_view(view)

    async def _show_experiment(self, name: str | None, row: str) -> None:
        """Show an experiment that was just changed, without waiting for the analysis, at one of its rows."""
        await self._show_view(parse_view(self._document.text, name))
        self._analysis.request(self._document, self._experiment)
        self.panes.form.focus_row(row)

    def _show_status(self) -> None:
        line = status_line(self._path.name, self.changed, self.panes.result, palette_of(self.app))
        self.query_one("#state", Static).update(line)

    async def _redraw(self, _: object) -> None:
        self.panes.redraw()
        self._show_status()

    # rows of the form --------------------------------------------------------------------------

    def on_setting_row_edited(self, message: SettingRow.Edited) -> None:
        """Set the value in the text, unless the row was removed in the meantime."""
        setting = message.row.setting
        if self.ready and self.panes.form.row(setting.key):
            self._actions.set_value(self._experiment, setting, message.text)

    def on_setting_row_closed(self, message: SettingRow.Closed) -> None:
        """End the undo step."""
        self._document.end_step()
        self._analysis.request(self._document, self._experiment)

    async def on_setting_row_sweep_requested(self, message: SettingRow.SweepRequested) -> None:
        """Sweep a setting."""
        if self.panes.view is not None:
            await self._actions.sweep(self.panes.view, message.row.setting)

    # keys --------------------------------------------------------------------------------------

    @work(group="ask")
    async def action_new(self) -> None:
        """Add an experiment."""
        await self._actions.add(self._experiment)

    @work(group="ask")
    async def action_extend(self) -> None:
        """Add an experiment that extends the shown one."""
        if self._experiment is not None:
            await self._actions.extend(self._experiment)

    @work(group="ask")
    async def action_duplicate(self) -> None:
        """Copy the shown experiment."""
        if self._experiment is not None:
            await self._actions.duplicate(self._experiment)

    @work(group="ask")
    async def action_rename(self) -> None:
        """Rename the shown experiment."""
        if self._experiment is not None:
            await self._actions.rename(self._experiment)

    @work(group="ask")
    async def action_delete(self) -> None:
        """Delete the shown experiment."""
        if self._experiment is not None:
            await self._actions.delete(self._experiment, self._path.name)

    def action_step(self, by: int) -> None:
        """Show the next or previous experiment."""
        if self.panes.view is not None:
            names = [None, *self.panes.view.names]
            self.action_show_number((names.index(self._experiment) + by) % len(names))

    def action_show_number(self, number: int) -> None:
        """Show an experiment by its position in the bar; 0 is [defaults]."""
        if self.panes.view is not None:
            self._experiment = [None, *self.panes.view.names][number]
            self._document.end_step()
            self._analysis.request(self._document, self._experiment, delay=0)

    def action_undo(self) -> None:
        """Undo the last change."""
        if self._document.undo():
            self._show_text()

    def action_redo(self) -> None:
        """Redo the change undone last."""
        if self._document.redo():
            self._show_text()

    def action_filter(self) -> None:
        """Open the filter."""
        self.panes.open_filter()

    def action_other_pane(self) -> None:
        """Switch between form and text."""
        if self.panes.text.has_focus:
            self.panes.focus_form()
        else:
            self.panes.focus_text()

    def action_next_problem(self) -> None:
        """Move the cursor to the next line with a problem."""
        self.panes.focus_next_problem()

    def action_external(self) -> None:
        """Open the file in the external editor, then read it again."""
        if self.changed:
            self._dialogs.warn("Save first (ctrl+s): the other editor opens the file on disk.")
        else:
            self.b4r.edit_file()
            self._poll()

    def action_leave(self) -> None:
        """Leave the editor; from the text, return to the form first."""
        if self.panes.text.has_focus and self.ready:
            self.panes.focus_form()
        else:
            self.ask_to_leave(lambda: self.dismiss(None))
