"""Tables fit where they are printed."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from b4r_tui.reports.table import Column, ReportTable, as_lines, fitted, show, text

SHEET = ReportTable(
    "Title",
    [Column("name"), Column("number", right=True), Column("first to go", spare=2), Column("then", spare=1)],
    [
        [text("[bold]a[/bold]"), text("1"), text("x" * 10), text("y")],
        [text("漢字"), text("22"), text(""), text("z")],
    ],
)


@pytest.mark.parametrize(
    ("width", "titles"),
    [
        (80, ["name", "number", "first to go", "then"]),
        (40, ["name", "number", "then"]),
        (25, ["name", "number"]),
        (1, ["name", "number"]),
    ],
)
def test_columns_that_can_be_spared_go_first(width: int, titles: list[str]) -> None:
    assert [column.title for column in fitted(SHEET, width).columns] == titles


def test_an_empty_column_goes_in_any_case() -> None:
    table = ReportTable("", [Column("a"), Column("b")], [[text("1"), text("")]])
    assert [column.title for column in fitted(table, 80).columns] == ["a"]


def test_a_pipe_gets_plain_aligned_lines_with_nothing_left_out() -> None:
    assert as_lines(SHEET) == [
        "Title",
        "name            number  first to go  then",
        "[bold]a[/bold]       1  xxxxxxxxxx   y",
        "漢字                22               z",
    ]


def test_a_terminal_gets_a_table_that_fits_it() -> None:
    for width in (30, 40, 80):
        out = io.StringIO()
        show(SHEET, Console(file=out, force_terminal=True, width=width, color_system=None))
        assert "[bold]a[/bold]" in out.getvalue()
        assert max(len(line.rstrip()) for line in out.getvalue().splitlines()) <= width
