"""The two panes of the editor: the form of one experiment and the text of the file."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.widgets import Static

from b4r_tui.app.screens.editor.status import problem_lines
from b4r_tui.app.widgets.form.experiment_bar import ExperimentBar
from b4r_tui.app.widgets.form.form import ExperimentForm
from b4r_tui.app.widgets.form.setting_row import SettingRow
from b4r_tui.app.widgets.form.toml_editor import TomlEditor
from b4r_tui.app.widgets.palette import palette_of
from b4r_tui.experiments.editing.analysis import CheckResult, ExperimentView
from b4r_tui.experiments.editing.values import owner_path

SIDE_BY_SIDE = 110  # columns from which both panes are shown


class EditorPanes(Horizontal):
    """Form and text side by side, or one of them in a narrow terminal."""

    def __init__(self, file_name: str) -> None:
        super().__init__(id="desk")
        self._file_name = file_name
        self._prefers_text = False  # which pane a narrow terminal shows
        self.view: ExperimentView | None = None
        self.result = CheckResult()

    def compose(self) -> ComposeResult:
        """Yield the form, and the text above its problems."""
        yield ExperimentForm()
        with Vertical(id="text"):
            yield TomlEditor()
            yield Static(id="problems-of-text")

    def on_mount(self) -> None:
        """Set the titles."""
        self.form.border_title = "Experiment"
        self.query_one("#text").border_title = self._file_name
        self.query_one("#problems-of-text").display = False

    @property
    def form(self) -> ExperimentForm:
        """Return the form."""
        return self.query_one(ExperimentForm)

    @property
    def text(self) -> TomlEditor:
        """Return the text area."""
        return self.query_one(TomlEditor)

    async def show_view(self, view: ExperimentView | None) -> None:
        """Show a view in the form; None keeps the last one, as the text is not valid TOML."""
        form, first = self.form, self.view is None
        form.set_class(view is None, "stale")
        if view is None:
            form.border_subtitle = "last valid version"
            if first:
                self.focus_text()
            return
        self.view = view
        form.border_title = "Defaults for all experiments" if view.name is None else view.name
        form.border_subtitle = f"extends {view.extends}" if view.extends else ""
        await form.show(view, self.result)
        if first and self._shows("form"):
            form.focus_row()

    async def show_result(self, result: CheckResult) -> None:
        """Show problems and the number of runs."""
        self.result = result
        self.text.show_problems(
            {problem.line: problem.sentence for problem in reversed(result.problems) if problem.line}
        )
        self._show_problems()
        if self.view is not None:
            await self.form.show(self.view, result)

    def redraw(self) -> None:
        """Redraw in the colours of a new theme."""
        self.text.redraw()
        self.query_one(ExperimentBar).redraw()
        self._show_problems()
        for row in self.query(SettingRow):
            row.refresh()
        self.form.show_help()

    def on_resize(self) -> None:
        """Show both panes if they fit."""
        self.set_class(self.size.width < SIDE_BY_SIDE, "-one")
        self._choose_pane()

    def on_setting_row_highlighted(self, message: SettingRow.Highlighted) -> None:
        """Scroll the text to the line that sets the current setting."""
        if self.view is None or self.text.has_focus:
            return
        setting, owner = message.row.setting, owner_path(self.view.name)
        key = ("sweep",) if setting.kind == "axis" else setting.path
        line = self.view.lines.get((*owner, *key)) or self.view.lines.get(owner)
        if line:
            self.text.show_line(line)

    def open_filter(self) -> None:
        """Open the filter of the form."""
        if not self._shows("form"):
            self.focus_form()
        self.form.open_filter()

    def focus_form(self) -> None:
        """Move the cursor to the form."""
        self._prefers_text = False
        self._choose_pane()
        self.form.focus_row()

    def focus_text(self) -> None:
        """Move the cursor to the text."""
        self._prefers_text = True
        self._choose_pane()
        self.text.focus()

    def focus_next_problem(self) -> None:
        """Move the cursor to the next line with a problem."""
        lines = sorted({problem.line for problem in self.result.problems if problem.line})
        if lines:
            current = self.text.cursor_location[0] + 1
            self.focus_text()
            self.text.show_line(next((line for line in lines if line > current), lines[0]))

    def _show_problems(self) -> None:
        area = self.query_one("#problems-of-text", Static)
        area.display = bool(self.result.problems)
        area.update(problem_lines(self.result.problems, palette_of(self.app)))

    def _shows(self, pane: str) -> bool:
        return self.size.width >= SIDE_BY_SIDE or (pane == "text") is self._prefers_text

    def _choose_pane(self) -> None:
        self.form.set_class(self._prefers_text, "hidden")
        self.query_one("#text").set_class(not self._prefers_text, "hidden")
