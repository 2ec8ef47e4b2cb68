"""Recommended items as a table."""

from __future__ import annotations

from typing import Any

from b4r_tui.reports.table import Column, ReportTable, text


def list_table(result: dict[str, Any]) -> ReportTable:
    """Return a table with one row per item of each list; only the first row of a list has the user's id."""
    columns = [
        Column("user"),
        Column("rank", right=True),
        Column("item", right=True),
        Column("title"),
        Column("score", right=True),
    ]
    rows = []
    for each in result["recommendations"]:
        for entry in each["items"]:
            first = owner_of(each) if entry["rank"] == 1 else ""
            cells = (first, entry["rank"], entry["item"], entry["title"] or "", f"{entry['score']:.4f}")
            rows.append([text(cell) for cell in cells])
    about = f"{result['run']}, {result['checkpoint']}: recommendations (seen items excluded)"
    return ReportTable(about, columns, rows)


def owner_of(each: dict[str, Any]) -> str:
    """Return the name of a list's owner."""
    return "history" if each["user"] is None else each["user"]
