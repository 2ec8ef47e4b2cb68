"""Which columns of the table of runs fit a width, and how wide they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from b4r_tui.app.widgets.runs.columns import Column, Contents
from b4r_tui.app.widgets.runs.look import GAP


def columns_for(columns: Sequence[Column], contents: Contents) -> list[Column]:
    """Return the columns that fit: by priority some go or become short, others share what is left."""
    adapted = [column.adapted(column, contents) for column in columns]
    fitting = _shrink({column.key: column for column in adapted if column}, contents.width)
    spare = contents.width - _total(fitting)
    spare -= _restore(fitting, {column.key: column for column in columns}, spare)
    spare -= _widen(fitting, "run", min(spare, contents.title - fitting["run"].width))
    _share(fitting, spare)
    return list(fitting.values())


def _total(columns: dict[str, Column]) -> int:
    return sum(column.width + GAP for column in columns.values())


def _shrink(columns: dict[str, Column], width: int) -> dict[str, Column]:
    """Shorten or leave out columns, by priority, until the others fit."""
    fitting = dict(columns)
    for column in sorted(columns.values(), key=lambda column: column.priority or 0):
        if column.priority is None or _total(fitting) <= width:
            continue
        if column.short is None:
            del fitting[column.key]
        else:
            fitting[column.key] = replace(column, label="", width=column.short)
    return fitting


def _restore(fitting: dict[str, Column], full: dict[str, Column], spare: int) -> int:
    """Make short columns as wide as they were where that fits after all; return the cells used."""
    used = 0
    for key, column in fitting.items():
        more = full[key].width - column.width
        if column.width == full[key].short and more <= spare - used:
            fitting[key] = replace(column, label=full[key].label, width=full[key].width)
            used += more
    return used


def _share(columns: dict[str, Column], spare: int) -> None:
    """Give the cells that are left over to the columns that can use them."""
    growing = [column for column in columns.values() if column.share]
    shares = sum(column.share for column in growing)
    for column in growing:
        spare -= _widen(
            columns, column.key, min(spare * column.share // shares, column.widest - column.width)
        )
        shares -= column.share


def _widen(columns: dict[str, Column], key: str, cells: int) -> int:
    """Widen a column, where there are cells for it; return the cells used."""
    if cells <= 0:
        return 0
    columns[key] = replace(columns[key], width=columns[key].width + cells)
    return cells
