"""The live table of runs: filter, order, groups and marks; `rows` draws the rows themselves."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from rich.cells import cell_len
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.message import Message
from textual.widgets import Static

from b4r_tui.app.widgets.change_tracker import ChangeTracker
from b4r_tui.app.widgets.palette import palette_of
from b4r_tui.app.widgets.runs import cells
from b4r_tui.app.widgets.runs.columns import COLUMNS, Column, Contents, column_of
from b4r_tui.app.widgets.runs.filter import RunFilter
from b4r_tui.app.widgets.runs.groups import OPEN, RunGroup
from b4r_tui.app.widgets.runs.layout import columns_for
from b4r_tui.app.widgets.runs.look import Look
from b4r_tui.app.widgets.runs.metrics import measured, shown_metrics, shown_protocol
from b4r_tui.app.widgets.runs.order import Arrangement, arranged, matching
from b4r_tui.app.widgets.runs.rows import RunRows
from b4r_tui.common.format import plural

if TYPE_CHECKING:
    from b4r_tui.app.snapshot import RunView

NO_MATCH = "No run matches “{words}”. Esc clears the filter."
INSPECTED = 200  # runs that are searched for metrics; more would only cost time
Metric = tuple[str, str]  # protocol and metric


class RunTable(Vertical):
    """Shows runs, newest first unless the user sorts them, or a sentence where there are none."""

    COLUMNS: ClassVar[tuple[Column, ...]] = COLUMNS

    DEFAULT_CSS = """
    RunTable {
        layers: default above;
        #no-runs { padding: 1 2; color: $text-muted; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("x,space", "mark", "Mark", tooltip="Select / deselect run"),
        Binding("shift+down", "mark_on(1)", "Mark down", show=False, tooltip="Select run and move down"),
        Binding("shift+up", "mark_on(-1)", "Mark up", show=False, tooltip="Select run and move up"),
        Binding("X,ctrl+a", "mark_all", "Mark all", show=False, tooltip="Select / deselect all runs shown"),
        Binding("o", "sort", "Sort", tooltip="Next sort column"),
        Binding("O", "reverse", "Reverse", show=False, tooltip="Reverse sort"),
        Binding("g", "group", "Group", tooltip="Group by experiment"),
        Binding("escape", "clear", "Clear", show=False, tooltip="Deselect all; then clear the filter"),
    ]

    class Changed(Message):
        """Other rows are shown or marked, or the cursor is on another run."""

    def __init__(self) -> None:
        super().__init__(id="runs")
        self.arrangement = Arrangement()
        self.metric: Metric | None = None  # the user's choice
        self._views: tuple[RunView, ...] = ()
        self._matching: list[RunView] = []
        self._rows: dict[str, RunView | RunGroup] = {}
        self._marks: frozenset[str] = frozenset()
        self._now = 0.0
        self._all_runs = False
        self._empty_text = ""
        self._columns: list[Column] = []
        self._look: Look | None = None
        self._drawn: dict[str, tuple[RunView, bool, list[Text]]] = {}
        self._tracker = ChangeTracker()

    def compose(self) -> ComposeResult:
        """Yield the filter, the rows, and the text for when there are none."""
        yield RunFilter()
        yield RunRows()
        yield Static(id="no-runs")

    @property
    def table(self) -> RunRows:
        """Return the widget that draws the rows."""
        return self.query_one(RunRows)

    @property
    def selected(self) -> RunView | None:
        """Return the run under the cursor, None on the heading of a group."""
        row = self._rows.get(self.table.cursor_key or "")
        return None if isinstance(row, RunGroup) else row

    @property
    def marked(self) -> list[RunView]:
        """Return the marked runs among those that match the filter, newest first."""
        if not self._marks:
            return []  # asked several times a key, maybe of thousands
        return [view for view in self._matching if view.key in self._marks]

    @property
    def chosen(self) -> list[RunView]:
        """Return what an action applies to: the marked runs, or else the group or run under the cursor."""
        return self.marked or self._under()

    @property
    def measured(self) -> list[Metric]:
        """Return the protocols and metrics there are to choose from."""
        return list(measured(self._views[:INSPECTED]))

    @property
    def saved(self) -> dict[str, Any]:
        """Return how the runs are arranged, as the next start restores it from JSON."""
        return {
            "by": self.arrangement.by,
            "falls": self.arrangement.descending,
            "grouped": self.arrangement.grouped,
            "metric": list(self.metric) if self.metric else None,
        }

    def restore(self, saved: Mapping[str, Any]) -> None:
        """Arrange the runs as at the last start, as far as the saved values are valid."""
        by, metric = saved.get("by"), saved.get("metric")
        if isinstance(by, str) and column_of(self.COLUMNS, by):
            self.arrangement = replace(self.arrangement, by=by, descending=saved.get("falls") is True)
        self.arrangement = replace(self.arrangement, grouped=saved.get("grouped") is True)
        if isinstance(metric, list) and len(metric) == 2 and all(isinstance(part, str) for part in metric):
            self.metric = (metric[0], metric[1])
        self._draw()

    def show(self, views: Sequence[RunView], all_runs: bool, now: float, empty_text: str) -> None:
        """Show these runs as they are at `now`, or `empty_text` where there are none."""
        self._all_runs, self._now, self._empty_text = all_runs, now, empty_text
        self._views = tuple(views)
        self._draw()

    def select(self, key: str) -> bool:
        """Put the cursor on a run; return whether it is in the table."""
        return self.table.move_to(key)

    def rearrange(self, arrangement: Arrangement) -> None:
        """Show other runs, or show them in another order."""
        self.arrangement = arrangement
        self._draw()
        self.post_message(self.Changed())

    def show_metric(self, metric: Metric | None) -> None:
        """Show this metric of this protocol; None: recall and NDCG of the first protocol."""
        self.metric = metric
        self._draw()
        self.post_message(self.Changed())

    def ask_filter(self) -> None:
        """Let the user type which runs to show."""
        self.query_one(RunFilter).ask()

    def redraw(self) -> None:
        """Draw every cell again, in the colours of a new theme."""
        self._look = None
        self._draw()

    def on_resize(self) -> None:
        """Fit the columns to the new width."""
        self._draw()

    def _draw(self) -> None:
        look, arrangement = self._new_look(), self.arrangement
        columns = columns_for(self.COLUMNS, self._contents(look))
        if columns != self._columns or self._look is None or replace(self._look, now=look.now) != look:
            self._drawn.clear()
        self._columns, self._look = columns, look
        self._matching = matching(self._views, arrangement.words)
        sort_column = column_of(self.COLUMNS, arrangement.by)
        self._rows = rows = {row.key: row for row in arranged(self._matching, arrangement, sort_column, look)}
        headings = [column.heading(arrangement.by, arrangement.descending) for column in columns]
        widths = [(column.key, column.width) for column in columns]
        self.table.show(widths, headings, list(rows), lambda key: self._cells(rows[key], look))
        self._show_texts(look)

    def _contents(self, look: Look) -> Contents:
        """Return what the columns have to fit. Grouped runs need no column with their experiment."""
        grouped = self.arrangement.grouped
        names = {view.run.experiment for view in self._views} if grouped else ()
        return Contents(
            self._views,
            look,
            self.content_size.width - 1,
            all_runs=self._all_runs and not grouped,
            marks=bool(self._marks),
            title=max((cell_len(f"{OPEN} {name}") for name in names), default=0),
        )

    def _new_look(self) -> Look:
        """Return the time, the colours and the metrics to show; the user's choice only where it was measured."""
        metric = self.metric if self.metric and self.metric in self.measured else None
        protocol = metric[0] if metric else shown_protocol(self._views)
        metrics = (metric[1],) if metric else shown_metrics(self._views[:INSPECTED], protocol)
        return Look(self._now, palette_of(self.app), protocol, metrics)

    def _cells(self, row: RunView | RunGroup, look: Look) -> list[Text]:
        """Return the cells of a row; those of a run that has not changed are not drawn again."""
        if isinstance(row, RunGroup):
            return [column.group_cell(row, look) for column in self._columns]
        is_marked = row.key in self._marks
        known = self._drawn.get(row.key)
        if known and known[0] is row and known[1] == is_marked and row.state.value != "running":
            return known[2]
        drawn = [
            cells.mark(look) if is_marked and column.key == "mark" else column.cell(row, look)
            for column in self._columns
        ]
        self._drawn[row.key] = (row, is_marked, drawn)
        return drawn

    def _show_texts(self, look: Look) -> None:
        """Show the subtitle, and a sentence where no run is shown."""
        hidden = bool(self._views) and not self._rows
        text = NO_MATCH.format(words=self.arrangement.words) if hidden else self._empty_text
        self.table.display = bool(self._rows)
        self.query_one("#no-runs", Static).display = not self._rows
        if self._tracker.changed("empty", text):
            self.query_one("#no-runs", Static).update(Text(text))
        facts = [f"{len(self.marked)} marked"] if self._marks else []
        if self.arrangement.words:
            facts.append(f"{len(self._matching):,} of {plural(len(self._views), 'run')}")
        facts += [f"validation, {look.protocol} ranking"] if look.protocol else []
        if self._tracker.changed("facts", " · ".join(facts)):
            self.border_subtitle = " · ".join(facts) or None

    # keys and mouse ----------------------------------------------------------------------------

    def on_run_filter_changed(self, message: RunFilter.Changed) -> None:
        """Show only the runs that match."""
        self.rearrange(replace(self.arrangement, words=message.words))

    def on_run_filter_left(self) -> None:
        """Focus the rows."""
        self.screen.set_focus(self.table)

    def on_run_rows_selected(self) -> None:
        """Fold or open the group under the cursor."""
        row = self._rows.get(self.table.cursor_key or "")
        if isinstance(row, RunGroup):
            self.rearrange(self.arrangement.with_fold(row.experiment))

    def on_run_rows_heading_clicked(self, message: RunRows.HeadingClicked) -> None:
        """Sort by the column whose heading was clicked."""
        column = column_of(self._columns, message.column)
        if column is not None:
            self.rearrange(self.arrangement.sorted_by(column))

    def action_sort(self) -> None:
        """Sort by the next column on screen; after the last, show the newest run first."""
        keys = ["", *(column.key for column in self._columns if column.value)]
        by, unsorted = self.arrangement.by, self.arrangement.newest_first()
        column = column_of(self._columns, keys[(keys.index(by) + 1) % len(keys)] if by in keys else "")
        self.rearrange(unsorted.sorted_by(column) if column else unsorted)

    def action_reverse(self) -> None:
        """Reverse the order of a sorted table."""
        self.rearrange(self.arrangement.reversed())

    def action_group(self) -> None:
        """Group runs by experiment, or show them in one list."""
        self.rearrange(replace(self.arrangement, grouped=not self.arrangement.grouped))

    def action_mark(self) -> None:
        """Mark or unmark what is under the cursor, and move to the next row."""
        self._toggle({view.key for view in self._under()})
        self.table.action_cursor_down()

    def action_mark_on(self, step: int) -> None:
        """Mark what is under the cursor, move, and mark what is there."""
        marks = {view.key for view in self._under()}
        move: Callable[[], None] = self.table.action_cursor_down if step > 0 else self.table.action_cursor_up
        move()
        self._mark(self._marks | marks | {view.key for view in self._under()})

    def action_mark_all(self) -> None:
        """Mark all runs that are shown; unmark them where all are marked."""
        shown = {view.key for view in self._matching}
        self._mark(self._marks - shown if shown <= self._marks else self._marks | shown)

    def action_clear(self) -> None:
        """Unmark all runs; where none is marked, clear the filter."""
        if self._marks:
            self.unmark()
        else:
            self.query_one(RunFilter).clear()

    def unmark(self) -> None:
        """Unmark all runs."""
        self._mark(frozenset())

    def _under(self) -> list[RunView]:
        """Return the run under the cursor, or the runs of the group."""
        row = self._rows.get(self.table.cursor_key or "")
        return list(row.views) if isinstance(row, RunGroup) else [row] if row else []

    def _toggle(self, keys: set[str]) -> None:
        self._mark(self._marks - keys if keys <= self._marks else self._marks | keys)

    def _mark(self, marks: frozenset[str] | set[str]) -> None:
        self._marks = frozenset(marks)
        self._draw()
        self.post_message(self.Changed())
