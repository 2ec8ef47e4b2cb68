"""Leaderboards as tables that commands print."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from b4r_tui.common.format import NOTHING, decimal, interval, whole
from b4r_tui.reports.runs import baseline_cell
from b4r_tui.reports.table import Column, ReportTable, fitted, show, text
from b4r_tui.results.board import Board, Row
from b4r_tui.results.leaderboard import notes_of, why_separate


def print_boards(boards: Sequence[Board], console: Console) -> None:
    """Print every board with its notes, then why there are several."""
    for board in boards:
        console.print()
        show(leaderboard_table(board), console)
        for note in notes_of(board):
            console.print(note, style="dim", soft_wrap=True)
    reason = why_separate(boards)
    if reason:
        console.print(f"\n{reason}", soft_wrap=True)


def leaderboard_table(board: Board) -> ReportTable:
    """Return a leaderboard, best first, with the baselines in each row to show how hard the task is."""
    columns = [
        Column("#", right=True),
        Column("experiment"),
        Column("run", spare=3),
        Column("seeds", right=True),
        Column("mode", spare=5),
        Column("epoch", right=True, spare=4),
        Column(board.metric, right=True),
        Column("95 % interval"),
        Column(f"− {board.baseline}", right=True, spare=2),
        Column("p", right=True),
        Column("popularity", right=True),
        Column("markov", right=True, spare=6),
        Column("random", right=True, spare=7),
        Column("users", right=True, spare=2),
    ]
    rows = [_row(place, row) for place, row in enumerate(board.rows, 1)]
    return fitted(
        ReportTable(title_of(board), columns, rows), sys.maxsize
    )  # only drops columns without values


def title_of(board: Board) -> str:
    """Return what is ranked, on which data."""
    data = f"{board.dataset} {board.fingerprint[:8]}".strip()
    sampled = f" with negatives {board.negatives[:8]}" if board.negatives else ""
    return f"Leaderboard: {board.metric} on test, protocol {board.protocol}{sampled}, data {data}"


def mean_and_sd(value: float, sd: float | None) -> str:
    """Return `0.1234`, or `0.1234 ± 0.0012` for several runs."""
    return decimal(value) if sd is None else f"{decimal(value)} ± {decimal(sd)}"


def p_value(p: float) -> str:
    """Return a p-value with four digits; the test resolves down to 0.0001."""
    return "<0.0001" if p < 0.0001 else f"{p:.4f}"


def _row(place: int, row: Row) -> list[Text]:
    difference, p = ("", "") if row.versus is None else _versus_cells(row)
    return [
        text(place),
        text(row.experiment),
        text(row.run_id if row.runs == 1 else "", "dim"),
        text(row.runs if row.runs > 1 else ""),
        text(f"{row.mode} x{row.ranks}"),
        text(_epochs(row)),
        text(mean_and_sd(row.value, row.sd), "bold" if place == 1 else ""),
        text(interval(row.low, row.high)),
        text(difference),
        text(p),
        text(decimal(row.popularity)),
        baseline_cell(row.markov),
        baseline_cell(row.random),
        text(whole(row.n)),
    ]


def _epochs(row: Row) -> str:
    """Return the tested epoch, counted from 1, or the range over several runs."""
    epochs = sorted({epoch + 1 for epoch in row.tested_epochs if epoch is not None})
    if not epochs:
        return NOTHING
    return str(epochs[0]) if len(epochs) == 1 else f"{epochs[0]}–{epochs[-1]}"


def _versus_cells(row: Row) -> tuple[str, str]:
    assert row.versus is not None
    return f"{row.versus.difference:+.4f}", p_value(row.versus.p_holm)
