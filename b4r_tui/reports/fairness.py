"""A fairness result as facts, a table, and a curve of characters."""

from __future__ import annotations

from typing import Any

from rich.console import Console

from b4r_tui.common.format import plural
from b4r_tui.reports.table import Column, ReportTable, show, text

METRICS = ("II", "IG", "GI", "GG", "AI", "AG")
_MARKS = "◆●▲■○△"
_NDCG = "ndcg@10"
_ROWS = 14  # height of the plot in characters
_MOST_COLUMNS = 72
_DIGITS = 3


def print_result(result: dict[str, Any], console: Console) -> None:
    """Print the facts, the table, the curve and the notes."""
    for label, value in facts(result).items():
        console.print(f"{label:12} {value}", soft_wrap=True)
    console.print()
    show(fairness_table(result), console)
    console.print()
    for line in curve_lines(result, console.width):
        console.print(line, soft_wrap=True)
    console.print()
    for note in notes(result):
        console.print(f"note         {note}", soft_wrap=True)


def facts(result: dict[str, Any]) -> dict[str, str]:
    """Return what was measured, on which data, and how, by label."""
    checkpoint = f", {result['checkpoint']}" if result["checkpoint"] else ""
    return {
        "run": f"{result['experiment']}/{result['run']}",
        "ranker": f"{result['ranker']}{checkpoint}",
        "data": f"{result['dataset']}, {result['users']:,} users x {result['items']:,} items, "
        f"test of {result['split']}",
        "users by": _groups(result["user_groups"]),
        "items by": _groups(result["item_groups"]),
        "exposure": f"{result['exposure']} with γ = {result['patience']:g} ({result['convention']}), "
        f"top {result['list_length']} of full rankings",
        "relevance": f"{result['relevance']}: {result['relevant_users']:,} of {plural(result['users'], 'user')}",
        "sampling": f"Plackett-Luce, {plural(result['samples'], 'ranking')} per user and temperature, "
        f"seed {result['seed']}, scale {result['scale']}",
    }


def notes(result: dict[str, Any]) -> list[str]:
    """Return caveats about the groups."""
    lines = []
    for side, noun in (("user_groups", "user"), ("item_groups", "item")):
        groups = result[side]
        if groups["unknown_ids"]:
            lines.append(
                f"IDs in the groups file that are not in the data: {plural(groups['unknown_ids'], noun)}"
            )
        if groups["outside"]:
            lines.append(f"in no group: {plural(groups['outside'], noun)}")
    return lines


def fairness_table(result: dict[str, Any]) -> ReportTable:
    """Return a table with one row per temperature and metric."""
    columns = [Column("temperature"), Column("NDCG@10", right=True), Column("metric")]
    columns += [Column(title, right=True) for title in ("F", "D", "R", "T²")]
    rows = []
    for point in result["points"]:
        for number, name in enumerate(METRICS):
            parts = point["metrics"][name]
            first = (temperature(point), f"{point[_NDCG]:.4f}") if number == 0 else ("", "")
            cells = [*first, f"{name}-F", *(f"{parts[part]:.{_DIGITS}e}" for part in ("F", "D", "R", "T2"))]
            rows.append([text(cell) for cell in cells])
    return ReportTable("Fairness F = disparity D - relevance R + target T²; lower F is fairer", columns, rows)


def temperature(point: dict[str, Any]) -> str:
    """Return the name of a point."""
    return "static" if point["temperature"] is None else f"{point['temperature']:g}"


def curve_lines(result: dict[str, Any], width: int) -> list[str]:
    """Return the trade-off as a plot of characters: NDCG@10 to the right, F relative to the static ranking upwards."""
    points, static = result["points"], result["points"][0]["metrics"]
    curves = {
        name: [
            (p[_NDCG], p["metrics"][name]["F"] / static[name]["F"] if static[name]["F"] else 1.0)
            for p in points
        ]
        for name in METRICS
    }
    legend = "  ".join(f"{mark} {name}" for mark, name in zip(_MARKS, METRICS, strict=True))
    title = "F relative to the static ranking, by NDCG@10 and temperature; of overlapping marks the first is shown"
    return [title, *_plot(list(curves.values()), min(width, _MOST_COLUMNS) - 9), f"{'':8}{legend}"]


def _plot(curves: list[list[tuple[float, float]]], columns: int) -> list[str]:
    """Draw the curves' marks on a grid; of overlapping marks the first curve's is shown."""
    columns = max(columns, 10)
    xs, ys = ([point[axis] for curve in curves for point in curve] for axis in (0, 1))
    grid = [[" "] * columns for _ in range(_ROWS)]
    for mark, curve in reversed(list(zip(_MARKS, curves, strict=True))):
        for x, y in curve:
            grid[_ROWS - 1 - _place(y, ys, _ROWS)][_place(x, xs, columns)] = mark
    labels = {0: f"{max(ys):.3f}", _ROWS - 1: f"{min(ys):.3f}"}
    lines = [f"{labels.get(row, ''):>7} │{''.join(cells).rstrip()}" for row, cells in enumerate(grid)]
    low, high = f"{min(xs):.4f}", f"{max(xs):.4f}"
    return [*lines, f"{'':8}└{'─' * columns}", f"{'':9}{low}{high:>{columns - len(low)}}"]


def _place(value: float, values: list[float], places: int) -> int:
    low, high = min(values), max(values)
    return round((value - low) / (high - low) * (places - 1)) if high > low else 0


def _groups(groups: dict[str, Any]) -> str:
    sizes = [f"{name} {size:,}" for name, size in groups["sizes"].items()]
    shown = ", ".join(sizes[:8]) + (", …" if len(sizes) > 8 else "")
    return f"{groups['kind']}: {plural(len(sizes), 'group')} ({shown})"
