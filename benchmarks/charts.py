"""Turns the benchmarks' JSON files into charts and into the tables of docs/benchmarks.md.

Reads `train.json`, `sharding.json`, `checkpoints.json`, `quality.json` and `ui.json` of a folder, those that are there,
and draws an SVG beside each. With --write, the part of the page between `<!-- train -->` and `<!-- /train -->` becomes
the new table, and so on.

    python -m benchmarks.charts [--folder docs/benchmarks] [--write docs/benchmarks.md]
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.tables import TABLES, sharding_rows
from engine.contract.atomic_files import read_json, write_text

ALT = {
    "train": "Training speed and peak memory by library",
    "sharding": "Step time and memory a rank by number of items",
    "checkpoints": "Seconds an epoch that savings take, a copy for a thread takes, and training loses to a thread",
    "quality": "Test NDCG@10 by library, every seed and the mean",
    "ui": "Milliseconds from key to paint by kind of key",
}
GOAL_MS = 50.0
OURS_COLOUR, PEER_COLOUR = "#1f6f8b", "#b8c4cc"
SETTINGS = {
    "svg.hashsalt": "b4r-tui",  # the same figures draw the same file
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titleweight": "bold",
}


def main() -> None:
    """Draw, and fill the page."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--folder", type=Path, default=Path("docs/benchmarks"), help="of the JSON files and charts"
    )
    parser.add_argument("--write", type=Path, help="page whose tables are to be replaced")
    arguments = parser.parse_args()
    found = {name: read_json(arguments.folder / f"{name}.json") for name in TABLES}
    for name, results in found.items():
        if results:
            draw(name, results, arguments.folder / f"{name}.svg")
            print(arguments.folder / f"{name}.svg", file=sys.stderr)
    if arguments.write:
        page = arguments.write.read_text()
        for name, results in found.items():
            if results:
                picture = f"![{ALT[name]}]({arguments.folder.name}/{name}.svg)"
                page = filled(page, name, f"{TABLES[name](results)}\n\n{picture}")
        write_text(arguments.write, page)


def filled(page: str, name: str, table: str) -> str:
    """The page with `table` between the marks of `name`. Raises ValueError where it lacks them."""
    pattern = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
    if not pattern.search(page):
        raise ValueError(f"the page has no place <!-- {name} --> … <!-- /{name} --> for this table")
    return pattern.sub(lambda match: f"{match[1]}{table}\n{match[2]}", page)


def draw(name: str, results: Any, path: Path) -> None:
    """The chart of one benchmark as an image of the kind that `path` ends with."""
    with mpl.rc_context(SETTINGS):
        figure = CHARTS[name](results)
        figure.savefig(path, bbox_inches="tight", metadata={"Date": None} if path.suffix == ".svg" else None)


def train_chart(results: dict[str, Any]) -> Figure:
    """Speed and memory of each library, a row of charts a configuration."""
    found = results["results"]
    figure = Figure(figsize=(9, 2.1 * len(found)), layout="constrained")
    axes = figure.subplots(len(found), 2, squeeze=False)
    for row, (name, one) in zip(axes, found.items(), strict=True):
        libraries = {n: r for n, r in one["libraries"].items() if "failed" not in r}
        bars(row[0], {n: r["sequences_per_second"] for n, r in libraries.items()}, "{:,.0f}")
        bars(row[1], {n: r["peak_mb"] for n, r in libraries.items()}, "{:,.0f}")
        row[0].set_title(f"{name}: {one['title']}", loc="left")
        row[0].set_xlabel("sequences a second (more is better)")
        row[1].set_xlabel("peak memory, MiB (less is better)")
        row[1].set_yticklabels([])
    return figure


def bars(axes: Axes, values: dict[str, float], pattern: str) -> None:
    """Lying bars, ours in colour, each with its number."""
    colours = [OURS_COLOUR if name.startswith("b4r-tui") else PEER_COLOUR for name in values]
    drawn = axes.barh(list(values), list(values.values()), color=colours)
    axes.bar_label(drawn, [pattern.format(value) for value in values.values()], padding=3)
    axes.invert_yaxis()
    axes.margins(x=0.15)


def quality_chart(results: dict[str, Any]) -> Figure:
    """NDCG@10: every seed a dot, the mean with its interval over seeds."""
    figure = Figure(figsize=(6, 0.7 * len(results["libraries"]) + 1), layout="constrained")
    axes = figure.subplots()
    for place, (name, row) in enumerate(results["libraries"].items()):
        colour = OURS_COLOUR if name.startswith("b4r-tui") else "#6b7780"
        axes.plot(row["ndcg_by_seed"], [place] * len(row["ndcg_by_seed"]), "o", color=colour, alpha=0.4)
        mean = row["ndcg"]["mean"]
        half = row["ndcg"].get("high", mean) - mean
        axes.errorbar(mean, place, xerr=half, fmt="D", color=colour, capsize=4)
    axes.set_yticks(range(len(results["libraries"])), list(results["libraries"]))
    axes.invert_yaxis()
    axes.margins(y=0.3)
    axes.set_xlabel("test NDCG@10 of full ranking: seeds, mean, 95 % interval over seeds")
    return figure


def sharding_chart(results: Any) -> Figure:
    """Step time and memory a rank by number of items, DDP beside DMP."""
    rows = sharding_rows(results)
    figure = Figure(figsize=(8, 2.6), layout="constrained")
    for axes, key, title in zip(
        figure.subplots(1, 2),
        ("step_ms", "memory_mb_per_rank"),
        ("milliseconds a step", "MiB a rank"),
        strict=True,
    ):
        labels = [f"{row['items']:,} items, {row['mode']}" for row in rows]
        colours = [OURS_COLOUR if row["mode"] == "dmp" else PEER_COLOUR for row in rows]
        drawn = axes.barh(labels, [row[key] for row in rows], color=colours)
        axes.bar_label(drawn, [f"{row[key]:,.0f}" for row in rows], padding=3)
        axes.invert_yaxis()
        axes.margins(x=0.15)
        axes.set_xlabel(f"{title} (less is better)")
    return figure


def checkpoints_chart(results: dict[str, Any]) -> Figure:
    """Seconds of an epoch's savings, of a copy for a thread, and of what training then loses, case by case."""
    rows = results["rows"]
    figure = Figure(figsize=(8, 0.7 * len(rows) + 1), layout="constrained")
    axes = figure.subplots()
    bars = {"savings_seconds": ("savings", OURS_COLOUR), "copy_seconds": ("copy for a thread", PEER_COLOUR)}
    bars |= {"behind_lost_seconds": ("lost where a thread writes", "#6b7780")}
    for shift, (key, (label, colour)) in zip((-0.27, 0.0, 0.27), bars.items(), strict=True):
        places = [place + shift for place in range(len(rows))]
        drawn = axes.barh(places, [row[key] for row in rows], 0.25, color=colour, label=label)
        axes.bar_label(drawn, [f"{row[key]:.1f}" for row in rows], padding=3)
    labels = [f"{row['items']:,} items, {row['mode']} × {row['ranks']}\n{row['title']}" for row in rows]
    axes.set_yticks(range(len(rows)), labels)
    axes.invert_yaxis()
    axes.margins(x=0.15)
    axes.legend()
    axes.set_xlabel("seconds an epoch (less is better)")
    return figure


def ui_chart(results: dict[str, Any]) -> Figure:
    """Key to paint by kind of key: from the median to the 99th percentile, and the goal."""
    parts = [part for part in ("stream", "many") if part in results]
    rows = [(f"{name} ({part})", row) for part in parts for name, row in results[part]["keys"].items()]
    figure = Figure(figsize=(8, 0.24 * len(rows) + 1), layout="constrained")
    axes = figure.subplots()
    for place, (_, row) in enumerate(rows):
        axes.plot([row["p50"], row["p99"]], [place, place], color=PEER_COLOUR, linewidth=4)
        axes.plot([row["p50"]], [place], "o", color=OURS_COLOUR)
    axes.axvline(GOAL_MS, color="#6b7780", linestyle=":")
    axes.set_yticks(range(len(rows)), [name for name, _ in rows])
    axes.invert_yaxis()
    axes.set_xlabel(
        "milliseconds from key to paint: median to 99th percentile; dotted: the goal while runs report"
    )
    return figure


CHARTS = {
    "train": train_chart,
    "sharding": sharding_chart,
    "checkpoints": checkpoints_chart,
    "quality": quality_chart,
    "ui": ui_chart,
}

if __name__ == "__main__":
    main()
