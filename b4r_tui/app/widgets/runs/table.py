"""The live table of runs: filter, order, groups and marks; the rows themselves are drawn by `run_rows`."""

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

from b4r_tui.app.widgets.change_tracker import News
from b4r_tui.app.widgets.palette import palette_of
from b4r_tui.app.widgets.runs.cells import heading_cell, marked
from b4r_tui.app.widgets.runs.columns import (
    Column,
    Look,
    columns_for,
    measured,
    shown_metrics,
    shown_protocol,
)
from b4r_tui.app.widgets.runs.filter import RunFilter
from b4r_tui.app.widgets.runs.order import OPEN, VALUES, Arrangement, Heading, arranged, matching
from b4r_tui.app.widgets.runs.rows import RunRows
from b4r_tui.common.format import plural

if TYPE_CHECKING:
    from b4r_tui.app.snapshot import RunView

NONE_MATCHES = "No run here has “{words}” in its name, state, data set or cause. esc shows all."
ORDER_HELP = "Sort by the next column, after the last newest first"
LOOKED_AT = 200  # runs that are asked what they measured; more would only cost time
Asked = tuple[str, str]  # protocol and metric


class RunTable(Vertical):
    """Runs, newest first unless asked otherwise, or a sentence where there are none."""

    DEFAULT_CSS = """
    RunTable {
        layers: default above;
        #no-runs { padding: 1 2; color: $text-muted; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("x,space", "mark", "Mark", tooltip="Choose the run under the cursor, or no longer"),
        Binding("shift+down", "mark_on(1)", "Mark down", show=False, tooltip="Choose runs one by one"),
        Binding("shift+up", "mark_on(-1)", "Mark up", show=False, tooltip="Choose runs one by one"),
        Binding("X,ctrl+a", "mark_all", "Mark all", show=False, tooltip="Choose all runs shown, or none"),
        Binding("o", "sort", "Sort", tooltip=ORDER_HELP),
        Binding("O", "turn", "Other way", show=False, tooltip="Sort the other way round"),
        Binding("g", "group", "Group", tooltip="Runs below headings of their experiments; enter folds one"),
        Binding("escape", "clear", "Clear", show=False, tooltip="No run chosen, then no filter"),
    ]

    class Changed(Message):
        """Other rows are shown or chosen, or the cursor stands on another run."""

    def __init__(self) -> None:
        super().__init__(id="runs")
        self.arrangement = Arrangement()
        self.asked: Asked | None = None  # the metric a person asked for
        self._views: tuple[RunView, ...] = ()
        self._found: list[RunView] = []  # those that the filter leaves
        self._shown: dict[str, RunView | Heading] = {}
        self._marks: frozenset[str] = frozenset()
        self._now = 0.0
        self._all_runs = False
        self._nothing = ""
        self._columns: list[Column] = []
        self._look: Look | None = None
        self._drawn: dict[str, tuple[RunView, bool, list[Text]]] = {}
        self._news = News()

    def compose(self) -> ComposeResult:
        """The filter, the table, and what stands there when it is empty."""
        yield RunFilter()
        yield RunRows()
        yield Static(id="no-runs")

    @property
    def table(self) -> RunRows:
        """The rows themselves."""
        return self.query_one(RunRows)

    @property
    def selected(self) -> RunView | None:
        """The run under the cursor; None on a heading."""
        row = self._shown.get(self.table.cursor_key or "")
        return None if isinstance(row, Heading) else row

    @property
    def marked(self) -> list[RunView]:
        """The runs that were chosen, of those that the filter leaves, newest first."""
        if not self._marks:
            return []  # asked several times a key, maybe of thousands
        return [view for view in self._found if view.key in self._marks]

    @property
    def chosen(self) -> list[RunView]:
        """What an action is for: the marked runs, or else those of the heading or the run under the cursor."""
        row = self._shown.get(self.table.cursor_key or "")
        under = list(row.views) if isinstance(row, Heading) else [row] if row else []
        return self.marked or under

    @property
    def measured(self) -> list[Asked]:
        """Protocols and metrics there are to choose from."""
        return list(measured(self._views[:LOOKED_AT]))

    @property
    def kept(self) -> dict[str, Any]:
        """How the runs are arranged, for the next start, as JSON has it."""
        asked = list(self.asked) if self.asked else None
        return {
            "by": self.arrangement.by,
            "falls": self.arrangement.falls,
            "grouped": self.arrangement.grouped,
            "metric": asked,
        }

    def restore(self, kept: Mapping[str, Any]) -> None:
        """Arrange the runs as they were at the last start; what does not fit any more stays as it is."""
        by, asked = kept.get("by"), kept.get("metric")
        if isinstance(by, str) and by in VALUES:
            self.arrangement = replace(self.arrangement, by=by, falls=kept.get("falls") is True)
        self.arrangement = replace(self.arrangement, grouped=kept.get("grouped") is True)
        if isinstance(asked, list) and len(asked) == 2 and all(isinstance(part, str) for part in asked):
            self.asked = (asked[0], asked[1])
        self._draw()

    def show(self, views: Sequence[RunView], all_runs: bool, now: float, nothing: str) -> None:
        """Show these runs as they are at `now`; `nothing` is said where there are none."""
        self._all_runs, self._now, self._nothing = all_runs, now, nothing
        self._views = tuple(views)
        self._draw()

    def select(self, key: str) -> bool:
        """Put the cursor on a run; whether it is in the table."""
        return self.table.move_to(key)

    def rearrange(self, arrangement: Arrangement) -> None:
        """Show other runs, or in another order."""
        self.arrangement = arrangement
        self._draw()
        self.post_message(self.Changed())

    def ask_metric(self, asked: Asked | None) -> None:
        """Show this metric of this protocol; None: recall and NDCG of the first."""
        self.asked = asked
        self._draw()
        self.post_message(self.Changed())

    def ask_filter(self) -> None:
        """Let the person type which runs to show."""
        self.query_one(RunFilter).ask()

    def redraw(self) -> None:
        """Draw every cell again: another theme."""
        self._look = None
        self._draw()

    def on_resize(self) -> None:
        """Other columns may fit now."""
        self._draw()

    def _draw(self) -> None:
        look = self._new_look()
        names = self._all_runs and not self.arrangement.grouped  # headings tell them
        columns = columns_for(
            self.content_size.width - 1, names, bool(self._marks), self._views, look, self._longest_title()
        )
        headings = [column.heading(self.arrangement.by, self.arrangement.falls) for column in columns]
        if columns != self._columns or self._look is None or replace(self._look, now=look.now) != look:
            self._drawn.clear()
        self._columns, self._look = columns, look
        self._found = matching(self._views, self.arrangement.words)
        rows = {row.key: row for row in arranged(self._found, self.arrangement, look)}
        self._shown = rows
        widths = [(column.key, column.width) for column in columns]
        self.table.show(widths, headings, list(rows), lambda key: self._cells(rows[key], look))
        self._say(look)

    def _longest_title(self) -> int:
        """Cells of the longest heading; 0 where there are no groups."""
        names = {view.run.experiment for view in self._views} if self.arrangement.grouped else ()
        return max((cell_len(f"{OPEN} {name}") for name in names), default=0)

    def _new_look(self) -> Look:
        """The moment, the colours and the metrics that are shown."""
        asked = self.asked if self.asked and self.asked in self.measured else None  # else not measured here
        protocol = asked[0] if asked else shown_protocol(self._views)
        metrics = (asked[1],) if asked else shown_metrics(self._views[:LOOKED_AT], protocol)
        return Look(self._now, palette_of(self.app), protocol, metrics)

    def _cells(self, row: RunView | Heading, look: Look) -> list[Text]:
        """The cells of a row; those of a run that is as it was are not drawn anew."""
        if isinstance(row, Heading):
            return [heading_cell(column, row, look) for column in self._columns]
        is_marked = row.key in self._marks
        known = self._drawn.get(row.key)
        if known and known[0] is row and known[1] == is_marked and row.state.value != "running":
            return known[2]
        cells = [
            marked(look) if is_marked and column.key == "mark" else column.cell(row, look)
            for column in self._columns
        ]
        self._drawn[row.key] = (row, is_marked, cells)
        return cells

    def _say(self, look: Look) -> None:
        """The subtitle, and a sentence where no run is shown."""
        hidden = bool(self._views) and not self._shown
        nothing = NONE_MATCHES.format(words=self.arrangement.words) if hidden else self._nothing
        self.table.display = bool(self._shown)
        self.query_one("#no-runs", Static).display = not self._shown
        if self._news.of("nothing", nothing):
            self.query_one("#no-runs", Static).update(Text(nothing))
        facts = [f"{len(self.marked)} marked"] if self._marks else []
        if self.arrangement.words:
            facts.append(f"{len(self._found):,} of {plural(len(self._views), 'run')}")
        facts += [f"validation, {look.protocol} ranking"] if look.protocol else []
        if self._news.of("facts", " · ".join(facts)):
            self.border_subtitle = " · ".join(facts) or None

    # what keys and the mouse do ----------------------------------------------------------------

    def on_run_filter_changed(self, message: RunFilter.Changed) -> None:
        """Show just the runs that match."""
        self.rearrange(replace(self.arrangement, words=message.words))

    def on_run_filter_left(self) -> None:
        """On to the rows."""
        self.screen.set_focus(self.table)

    def on_run_rows_selected(self) -> None:
        """Enter on a heading folds or opens it."""
        row = self._shown.get(self.table.cursor_key or "")
        if isinstance(row, Heading):
            self.rearrange(self.arrangement.with_fold(row.experiment))

    def on_run_rows_heading_clicked(self, message: RunRows.HeadingClicked) -> None:
        """A click on a heading sorts."""
        if message.column in VALUES:
            self.rearrange(self.arrangement.sorted_by(message.column))

    def action_sort(self) -> None:
        """By the next column on screen, after the last newest first."""
        keys = ["", *(column.key for column in self._columns if column.key in VALUES)]
        by = self.arrangement.by
        following = keys[(keys.index(by) + 1) % len(keys)] if by in keys else ""
        self.rearrange(replace(self.arrangement, by="", falls=False).sorted_by(following))

    def action_turn(self) -> None:
        """The other way round."""
        if self.arrangement.by:
            self.rearrange(replace(self.arrangement, falls=not self.arrangement.falls))

    def action_group(self) -> None:
        """Groups, or no longer."""
        self.rearrange(replace(self.arrangement, grouped=not self.arrangement.grouped))

    def action_mark(self) -> None:
        """Mark what the cursor stands on, or no longer, and go on to the next row."""
        self._toggle({view.key for view in self._under()})
        self.table.action_cursor_down()

    def action_mark_on(self, step: int) -> None:
        """Mark what the cursor stands on and what it comes to."""
        marks = {view.key for view in self._under()}
        move: Callable[[], None] = self.table.action_cursor_down if step > 0 else self.table.action_cursor_up
        move()
        self._mark(self._marks | marks | {view.key for view in self._under()})

    def action_mark_all(self) -> None:
        """Mark all runs that are shown; where they are, none."""
        shown = {view.key for view in self._found}
        self._mark(self._marks - shown if shown <= self._marks else self._marks | shown)

    def action_clear(self) -> None:
        """Unmark; where nothing is marked, show all runs."""
        if self._marks:
            self.unmark()
        else:
            self.query_one(RunFilter).clear()

    def unmark(self) -> None:
        """No run is marked."""
        self._mark(frozenset())

    def _under(self) -> list[RunView]:
        row = self._shown.get(self.table.cursor_key or "")
        return list(row.views) if isinstance(row, Heading) else [row] if row else []

    def _toggle(self, keys: set[str]) -> None:
        self._mark(self._marks - keys if keys <= self._marks else self._marks | keys)

    def _mark(self, marks: frozenset[str] | set[str]) -> None:
        self._marks = frozenset(marks)
        self._draw()
        self.post_message(self.Changed())
