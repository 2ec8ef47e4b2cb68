"""Recommended items as a table."""

from __future__ import annotations

from typing import Any

from b4r_tui.reports.table import Column, ReportTable, text


def list_table(result: dict[str, Any]) -> ReportTable:
    """A row for each item of each list; the user's id stands in the first."""
    columns = [
        Column("user"),
        Column("rank", right=True),
        Column("item", right=True),
        Column("title"),
        Column("score", right=True),
    ]
    rows = []
    for found in result["recommendations"]:
        for entry in found["items"]:
            first = called(found) if entry["rank"] == 1 else ""
            cells = (first, entry["rank"], entry["item"], entry["title"] or "", f"{entry['score']:.4f}")
            rows.append([text(cell) for cell in cells])
    about = f"{result['run']}, {result['checkpoint']}: what comes next, seen items left out"
    return ReportTable(about, columns, rows)


def called(found: dict[str, Any]) -> str:
    """How the owner of a list is called."""
    return "history" if found["user"] is None else found["user"]
