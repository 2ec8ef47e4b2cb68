"""Leaderboard: all tested runs, grouped by seed, ranked where their numbers are comparable."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.message import Message
from textual.widgets import Static
from textual.worker import get_current_worker

from b4r_tui.app.lifecycle import while_mounted
from b4r_tui.app.screens.dialogs.choose import Choose
from b4r_tui.app.screens.export_mixin import ExportingScreen
from b4r_tui.app.services import Services, services_of
from b4r_tui.app.widgets.key_line import KeyLine
from b4r_tui.app.widgets.palette import Palette, palette_of
from b4r_tui.app.widgets.report_view import ReportView
from b4r_tui.app.widgets.run.results_tab import ordered
from b4r_tui.common.format import metric_label, plural
from b4r_tui.reports.leaderboard import leaderboard_table
from b4r_tui.reports.table import ReportTable
from b4r_tui.results.board import Board
from b4r_tui.results.export.table import mark
from b4r_tui.results.export.write import LeaderboardExport
from b4r_tui.results.leaderboard import leaderboard, notes_of, why_separate
from b4r_tui.results.selection import is_tested
from b4r_tui.runs.store import Run, RunStore
from b4r_tui.runs.summary import INTERVAL_PARTS, Summary, read_summary
from engine.contract.errors import B4RError

OWN = "each run's own"  # the metric that chose its best epoch, or its first protocol
EMPTY = "No run has test metrics yet. A run is tested when its training ends."


@dataclass(frozen=True)
class Ranked:
    """The leaderboards, and the metrics and protocols there are for others."""

    boards: tuple[Board, ...] = ()
    metrics: tuple[str, ...] = ()
    protocols: tuple[str, ...] = ()
    runs: tuple[Run, ...] = ()
    tested: int = 0
    refused: str = ""


@dataclass(frozen=True)
class Wanted:
    """How to rank; None takes the metric or protocol of each run. baseline: a run of the row to test against."""

    metric: str | None = None
    protocol: str | None = None
    baseline: str | None = None


class LeaderboardScreen(ExportingScreen):
    """Shows one leaderboard at a time; runs that are not comparable have several."""

    DEFAULT_CSS = """
    LeaderboardScreen {
        background: $background;
        #ranked { dock: top; height: 1; padding: 0 1; background: $panel; }
        #board {
            height: 1fr;
            border: round $border-blurred;
            border-title-color: $text-muted;
            border-subtitle-color: $text-muted;
            &:focus-within { border: round $border; border-title-color: $primary; border-title-style: bold; }
        }
        #board-table { height: 1fr; }
        #notes { height: auto; max-height: 8; padding: 0 1; color: $text-muted; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("m", "metric", "Metric", tooltip="Choose the ranking metric"),
        Binding("p", "protocol", "Protocol", tooltip="Choose the protocol of the metric"),
        Binding(
            "b",
            "baseline",
            "Baseline",
            tooltip="Set / clear baseline",
        ),
        Binding("space", "mark", "Select", tooltip="Select / deselect row for a comparison"),
        Binding(
            "c",
            "compare",
            "Compare",
            tooltip="Compare the selected rows, or the highlighted one with the first",
        ),
        Binding(
            "left_square_bracket",
            "board(-1)",
            "Previous",
            key_display="[",
            show=False,
            tooltip="Previous leaderboard",
        ),
        Binding(
            "right_square_bracket",
            "board(1)",
            "Next",
            key_display="]",
            show=False,
            tooltip="Next leaderboard",
        ),
        Binding(
            "enter", "open", "Open", show=False, tooltip="Go to the newest run of the row", priority=True
        ),
        Binding("x", "export", "Export", tooltip="Export as csv, markdown, LaTeX, HTML, JSON or parquet"),
        Binding("r", "reload", "Reload", show=False, tooltip="Reload all runs"),
        Binding("escape,q", "leave", "Back", key_display="esc", tooltip="Back to the runs"),
    ]

    @dataclass
    class Ready(Message):
        """The worker has ranked the runs."""

        ranked: Ranked

    def __init__(self, root: Path) -> None:
        super().__init__()
        self._root = root
        self._wanted = Wanted()
        self._ranked: Ranked | None = None
        self._index = 0
        self._marked: set[str] = set()  # run ids, the first of a row

    @property
    def ready(self) -> bool:
        """Whether the runs have been ranked."""
        return self._ranked is not None

    @property
    def services(self) -> Services:
        """What the app does for all screens."""
        return services_of(self)

    @property
    def board(self) -> Board | None:
        """The leaderboard on screen."""
        boards = self._ranked.boards if self._ranked else ()
        return boards[min(self._index, len(boards) - 1)] if boards else None

    def compose(self) -> ComposeResult:
        """A headline, the leaderboard, notes on it, keys."""
        yield Static(id="ranked")
        with Vertical(id="board"):
            yield ReportView("board-table")
            yield Static(id="notes")
        yield KeyLine()

    def on_mount(self) -> None:
        """Start ranking."""
        self.app.theme_changed_signal.subscribe(self, lambda _: self._show())
        self.query_one("#board-table").focus()
        self._rank_by()

    def _rank_by(self, **changes: object) -> None:
        self._wanted = replace(self._wanted, **changes)  # type: ignore[arg-type]
        self.query_one("#ranked", Static).update(Text("Reading the runs …"))
        self._rank(self._wanted)

    @work(thread=True, group="rank", exclusive=True)
    def _rank(self, wanted: Wanted) -> None:
        ranked = rank(self._root, wanted)
        if not get_current_worker().is_cancelled:
            self.post_message(self.Ready(ranked))

    def on_leaderboard_screen_ready(self, message: Ready) -> None:
        """Show it."""
        self._ranked = message.ranked
        self._show()
        self.refresh_bindings()

    def _show(self) -> None:
        if self._ranked is None:
            return
        palette, board, ranked = palette_of(self.app), self.board, self._ranked
        self.query_one("#ranked", Static).update(headline(ranked, palette))
        table = self.query_one("#board-table", ReportView)
        table.display = board is not None
        lines = [ranked.refused] if ranked.refused else []
        if board is None:
            self.query_one("#board").border_title = "Leaderboard"
            lines.append(EMPTY)
        else:
            self.query_one(
                "#board"
            ).border_title = f"{metric_label(board.metric)} on test, {_conditions(board)}"
            several = len(ranked.boards) > 1
            self.query_one("#board").border_subtitle = (
                f"leaderboard {self._index + 1} of {len(ranked.boards)} · [ previous · ] next"
                if several
                else ""
            )
            table.show(board_table(board, self._marked, palette), [row.run_id for row in board.rows])
            lines += [
                *([why_separate(ranked.boards) or ""] if several else []),
                *_legend(board),
                *notes_of(board),
            ]
        self.query_one("#notes", Static).update(Text("\n".join(lines)))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Dim unavailable keys."""
        if action in ("metric", "protocol", "baseline", "mark", "compare", "open", "export"):
            return True if self.board else None
        if action == "board":
            return bool(self._ranked and len(self._ranked.boards) > 1)
        return True

    @work(group="ask")
    async def action_metric(self) -> None:
        """Choose the metric."""
        choices = [OWN, *ordered(list(self._ranked.metrics))] if self._ranked else []
        metric = await self.app.push_screen_wait(Choose("Metric", choices, self._wanted.metric or OWN))
        if metric:
            self._index = 0
            self._rank_by(metric=None if metric == OWN else metric)

    @work(group="ask")
    async def action_protocol(self) -> None:
        """Choose the protocol."""
        choices = [OWN, *self._ranked.protocols] if self._ranked else []
        protocol = await self.app.push_screen_wait(Choose("Protocol", choices, self._wanted.protocol or OWN))
        if protocol:
            self._index = 0
            self._rank_by(protocol=None if protocol == OWN else protocol)

    def action_baseline(self) -> None:
        """Set the highlighted row as baseline, or clear it."""
        run_id = self.query_one("#board-table", ReportView).chosen
        self._rank_by(baseline=None if run_id == self._wanted.baseline else run_id)

    def action_mark(self) -> None:
        """Select or deselect the highlighted row, and move to the next."""
        table = self.query_one("#board-table", ReportView)
        if table.chosen:
            self._marked ^= {table.chosen}
            row = table.cursor_row
            self._show()
            table.move_cursor(row=row + 1)

    def action_compare(self) -> None:
        """Compare the selected rows; if none are selected, the highlighted one with the first."""
        board = self.board
        if board is None:
            return
        marked = [row for row in board.rows if row.run_id in self._marked]
        if len(marked) < 2:
            chosen = self.query_one("#board-table", ReportView).chosen
            marked = [row for place, row in enumerate(board.rows) if place == 0 or row.run_id == chosen]
        ids = {run_id for row in marked for run_id in row.run_ids}
        if len(ids) < 2:
            self.notify(
                "Select at least two rows with space.", title="Nothing to compare", severity="warning"
            )
            return
        runs = self._ranked.runs if self._ranked else ()
        self.services.open_comparison([run for run in runs if run.run_id in ids])

    def action_board(self, by: int) -> None:
        """Show another leaderboard."""
        if self._ranked and self._ranked.boards:
            self._index = (self._index + by) % len(self._ranked.boards)
            self._show()

    def action_open(self) -> None:
        """Show the newest run of the row on the main screen."""
        board, chosen = self.board, self.query_one("#board-table", ReportView).chosen
        rows = [row for row in board.rows if row.run_id == chosen] if board else []
        views = [view for view in self.services.views() if rows and view.run.run_id in rows[0].run_ids]
        if views:
            self.app.call_later(while_mounted(self.app, self.services.open_run, views[0]))

    def action_export(self) -> None:
        """Export this leaderboard."""
        board = self.board
        if board is None:
            return
        options = LeaderboardExport(
            metrics=tuple(dict.fromkeys([board.metric, *_usual(board)])),
            protocol=board.protocol,
            only=tuple(run_id for row in board.rows for run_id in row.run_ids),
            baseline=self._wanted.baseline if board.baseline else None,
        )
        self.ask_export(self._root, "leaderboard.html", options)

    def action_reload(self) -> None:
        """Rank the runs again."""
        self._rank_by()

    def action_leave(self) -> None:
        """Close the screen."""
        self.dismiss()


def rank(root: Path, wanted: Wanted) -> Ranked:
    """Read and rank all runs. A baseline that is refused is reported, and the leaderboards come without tests."""
    runs = RunStore(root).runs()
    tested = [summary for run in runs if is_tested(summary := read_summary(run))]
    boards, refused = leaderboard(tested, wanted.metric, wanted.protocol), ""
    if wanted.baseline and boards:
        from b4r_tui.results.significance import against_baseline  # deferred: imports numpy and pyarrow

        try:
            boards = against_baseline(boards, wanted.baseline, {run.run_id: run.dir for run in runs})
        except B4RError as error:
            refused = error.sentence
    keys = [key for summary in tested for key in _measured(summary)]
    boards.sort(key=lambda board: -len(board.rows))
    return Ranked(
        tuple(boards),
        tuple(dict.fromkeys(metric for _, metric in keys)),
        tuple(dict.fromkeys(protocol for protocol, _ in keys)),
        tuple(runs),
        len(tested),
        refused,
    )


def board_table(board: Board, marked: set[str], palette: Palette) -> ReportTable:
    """Return the leaderboard with dots for selected rows, and stars for rows that differ from the baseline."""
    table = leaderboard_table(board)
    rows = []
    for row, cells in zip(board.rows, table.rows, strict=True):
        copies = [cell.copy() for cell in cells]
        chosen = row.run_id in marked
        copies[0] = Text(
            f"{'●' if chosen else ' '} {cells[0].plain}", f"bold {palette.second}" if chosen else ""
        )
        if row.experiment == board.baseline:
            copies[1].append("  baseline", palette.faint)
        elif mark(row):
            copies[1].append(f" {mark(row)}", f"bold {palette.second}")
        rows.append(copies)
    return replace(table, rows=rows)


def headline(ranked: Ranked, palette: Palette) -> Text:
    """Return how many runs are ranked on how many leaderboards."""
    line = Text.assemble(("Leaderboard", f"bold {palette.running}"), no_wrap=True, overflow="ellipsis")
    facts = [plural(ranked.tested, "tested run"), plural(len(ranked.boards), "leaderboard")]
    return line.append("  " + "  ·  ".join(facts))


def _conditions(board: Board) -> str:
    sampled = f" with negatives {board.negatives[:8]}" if board.negatives else ""
    return f"{board.protocol}{sampled}, {board.dataset} {board.fingerprint[:8]}".strip()


def _legend(board: Board) -> list[str]:
    if board.baseline is None:
        return []
    test = "paired randomisation test over users, Holm-corrected across rows"
    return [f"*, **: differs from {board.baseline} at p < 0.05, 0.01 ({test})."]


def _measured(summary: Summary) -> list[tuple[str, str]]:
    parts = [key.split(".", 2)[1:] for key in summary if key.startswith("test.")]
    return [(part[0], part[1]) for part in parts if part[1].rpartition(".")[2] not in INTERVAL_PARTS]


def _usual(board: Board) -> list[str]:
    metrics = {
        metric
        for group in board.groups
        for run in group.runs
        for of, metric in _measured(run)
        if of == board.protocol
    }
    return [name for name in ("ndcg@10", "recall@10") if name in metrics]
