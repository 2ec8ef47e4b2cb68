"""A table as data, and how it is printed: with rich on a terminal, as plain aligned text in a pipe."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.console import Console, Group
from rich.style import Style
from rich.table import Table
from rich.text import Text

from engine.contract.sanitize import sanitize

_GAP = 2  # characters between two columns


@dataclass(frozen=True)
class Column:
    """A column: its title, whether its cells are right-aligned, and how soon it is dropped on a narrow terminal.

    spare: 0 is never dropped; of the others the highest goes first. width: least width of the cells on a terminal,
    so that a live table does not jump.
    """

    title: str
    right: bool = False
    spare: int = 0
    width: int = 0


@dataclass(frozen=True)
class ReportTable:
    """A table: a title line, columns, rows of cells. Cells are plain text, never markup."""

    title: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Text]]


def fitted(table: ReportTable, width: int) -> ReportTable:
    """Return the table without its most dispensable columns, so that it is at most `width` characters wide.

    Columns whose cells are all empty are always dropped.
    """
    indices = [
        index
        for index in range(len(table.columns))
        if not table.rows or any(row[index] for row in table.rows)
    ]
    while _width(table, indices) > width:
        index = max(indices, key=lambda index: (table.columns[index].spare, index))
        if not table.columns[index].spare:
            break
        indices.remove(index)
    rows = [[row[index] for index in indices] for row in table.rows]
    return replace(table, columns=[table.columns[index] for index in indices], rows=rows)


def as_group(table: ReportTable, width: int, note: str = "") -> Group:
    """Return the table for a terminal of `width` characters: its title, the table, a note below."""
    shown = fitted(table, width)
    drawn = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    for column in shown.columns:
        drawn.add_column(
            Text(column.title),
            justify="right" if column.right else "left",
            no_wrap=True,
            overflow="ellipsis",
            min_width=column.width or None,
        )
    for row in shown.rows:
        drawn.add_row(*row)
    title, below = Text(shown.title, style="bold"), Text(note, style="dim")
    return Group(*(part for part in (title, drawn, below) if part))


def as_lines(table: ReportTable) -> list[str]:
    """Return the table as plain lines, columns two spaces apart; nothing is cut or dropped."""
    cells = [
        [column.title for column in table.columns],
        *([text.plain for text in row] for row in table.rows),
    ]
    widths = [max(map(cell_len, column)) for column in zip(*cells, strict=True)]
    lines = [_aligned(row, widths, table.columns) for row in cells]
    return [table.title, *lines] if table.title else lines


def show(table: ReportTable, console: Console) -> None:
    """Print the table, styled on a terminal and plain elsewhere."""
    if console.is_terminal:
        console.print(as_group(table, console.width))
    else:
        for line in as_lines(table):
            console.file.write(line + "\n")


def console(stderr: bool = False) -> Console:
    """Return a console that prints text as it is: without markup, emoji and automatic highlighting."""
    return Console(stderr=stderr, markup=False, emoji=False, highlight=False)


def text(value: object = "", style: str | Style = "") -> Text:
    """Return a cell with the value sanitized for a terminal."""
    return Text(sanitize(str(value)), style=style)


def _width(table: ReportTable, indices: Sequence[int]) -> int:
    columns = [table.columns[index] for index in indices]
    least = [max(cell_len(column.title), column.width) for column in columns]
    cells = [
        max([wide, *(row[i].cell_len for row in table.rows)]) for i, wide in zip(indices, least, strict=True)
    ]
    return sum(cells) + _GAP * (len(cells) - 1)


def _aligned(row: Sequence[str], widths: Sequence[int], columns: Sequence[Column]) -> str:
    padded = [
        " " * (width - cell_len(cell)) + cell if column.right else cell + " " * (width - cell_len(cell))
        for cell, width, column in zip(row, widths, columns, strict=True)
    ]
    return "  ".join(padded).rstrip()
