"""Turns the benchmarks' JSON files into charts and into the tables of docs/benchmarks.md.

Reads whichever of `train.json`, `sharding.json`, `checkpoints.json`, `quality.json` and `ui.json` a folder has, and
draws an SVG next to each. With --write, the new table replaces the text between `<!-- train -->` and `<!-- /train -->`,
and so on.

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
    "sharding": "Step time and memory per rank by number of items",
    "checkpoints": "Seconds per epoch for saving, for copying the state, and lost to a background thread",
    "quality": "Test NDCG@10 by library, every seed and the mean",
    "ui": "Milliseconds from key to paint by action",
}
GOAL_MS = 50.0
OURS_COLOUR, PEER_COLOUR = "#1f6f8b", "#b8c4cc"
SETTINGS = {
    "svg.hashsalt": "b4r-tui",  # equal figures give equal files
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titleweight": "bold",
}


def main() -> None:
    """Draw the charts and update the page."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--folder", type=Path, default=Path("docs/benchmarks"), help="folder of JSON files and charts"
    )
    parser.add_argument("--write", type=Path, help="page whose tables to replace")
    arguments = parser.parse_args()
    benchmarks = {name: read_json(arguments.folder / f"{name}.json") for name in TABLES}
    for name, results in benchmarks.items():
        if results:
            draw(name, results, arguments.folder / f"{name}.svg")
            print(arguments.folder / f"{name}.svg", file=sys.stderr)
    if arguments.write:
        page = arguments.write.read_text()
        for name, results in benchmarks.items():
            if results:
                picture = f"![{ALT[name]}]({arguments.folder.name}/{name}.svg)"
                page = with_table(page, name, f"{TABLES[name](results)}\n\n{picture}")
        write_text(arguments.write, page)


def with_table(page: str, name: str, table: str) -> str:
    """Return the page with `table` between the marks of `name`. Raises ValueError if there are none."""
    pattern = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
    if not pattern.search(page):
        raise ValueError(
            f"the page has no marks <!-- {name} --> … <!-- /{name} -->; add them where the table belongs"
        )
    return pattern.sub(lambda match: f"{match[1]}{table}\n{match[2]}", page)


def draw(name: str, results: Any, path: Path) -> None:
    """Draw the chart of one benchmark; the extension of `path` sets the image format."""
    with mpl.rc_context(SETTINGS):
        figure = CHARTS[name](results)
        figure.savefig(path, bbox_inches="tight", metadata={"Date": None} if path.suffix == ".svg" else None)


def train_chart(results: dict[str, Any]) -> Figure:
    """Plot speed and memory of each library, one row of charts per configuration."""
    configurations = results["results"]
    figure = Figure(figsize=(9, 2.1 * len(configurations)), layout="constrained")
    axes = figure.subplots(len(configurations), 2, squeeze=False)
    for row, (name, configuration) in zip(axes, configurations.items(), strict=True):
        libraries = {n: r for n, r in configuration["libraries"].items() if "failed" not in r}
        bars(row[0], {n: r["sequences_per_second"] for n, r in libraries.items()}, "{:,.0f}")
        bars(row[1], {n: r["peak_mb"] for n, r in libraries.items()}, "{:,.0f}")
        row[0].set_title(f"{name}: {configuration['title']}", loc="left")
        row[0].set_xlabel("sequences per second (more is better)")
        row[1].set_xlabel("peak memory, MiB (less is better)")
        row[1].set_yticklabels([])
    return figure


def bars(axes: Axes, values: dict[str, float], pattern: str) -> None:
    """Draw horizontal bars labelled with their values, ours in colour."""
    colours = [OURS_COLOUR if name.startswith("b4r-tui") else PEER_COLOUR for name in values]
    drawn = axes.barh(list(values), list(values.values()), color=colours)
    axes.bar_label(drawn, [pattern.format(value) for value in values.values()], padding=3)
    axes.invert_yaxis()
    axes.margins(x=0.15)


def quality_chart(results: dict[str, Any]) -> Figure:
    """Plot NDCG@10: a dot per seed, and the mean with its interval over seeds."""
    figure = Figure(figsize=(6, 0.7 * len(results["libraries"]) + 1), layout="constrained")
    axes = figure.subplots()
    for position, (name, row) in enumerate(results["libraries"].items()):
        colour = OURS_COLOUR if name.startswith("b4r-tui") else "#6b7780"
        axes.plot(row["ndcg_by_seed"], [position] * len(row["ndcg_by_seed"]), "o", color=colour, alpha=0.4)
        mean = row["ndcg"]["mean"]
        margin = row["ndcg"].get("high", mean) - mean
        axes.errorbar(mean, position, xerr=margin, fmt="D", color=colour, capsize=4)
    axes.set_yticks(range(len(results["libraries"])), list(results["libraries"]))
    axes.invert_yaxis()
    axes.margins(y=0.3)
    axes.set_xlabel("test NDCG@10 of full ranking: seeds, mean, 95 % interval over seeds")
    return figure


def sharding_chart(results: Any) -> Figure:
    """Plot step time and memory per rank by number of items, DDP vs. DMP."""
    rows = sharding_rows(results)
    figure = Figure(figsize=(8, 2.6), layout="constrained")
    for axes, key, title in zip(
        figure.subplots(1, 2),
        ("step_ms", "memory_mb_per_rank"),
        ("milliseconds per step", "MiB per rank"),
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
    """Plot for each case the seconds per epoch for saving, for copying, and lost to a background thread."""
    rows = results["rows"]
    figure = Figure(figsize=(8, 0.7 * len(rows) + 1), layout="constrained")
    axes = figure.subplots()
    bars = {"savings_seconds": ("saving", OURS_COLOUR), "copy_seconds": ("copying the state", PEER_COLOUR)}
    bars |= {"behind_lost_seconds": ("lost to a background thread", "#6b7780")}
    for shift, (key, (label, colour)) in zip((-0.27, 0.0, 0.27), bars.items(), strict=True):
        positions = [position + shift for position in range(len(rows))]
        drawn = axes.barh(positions, [row[key] for row in rows], 0.25, color=colour, label=label)
        axes.bar_label(drawn, [f"{row[key]:.1f}" for row in rows], padding=3)
    labels = [f"{row['items']:,} items, {row['mode']} × {row['ranks']}\n{row['title']}" for row in rows]
    axes.set_yticks(range(len(rows)), labels)
    axes.invert_yaxis()
    axes.margins(x=0.15)
    axes.legend()
    axes.set_xlabel("seconds per epoch (less is better)")
    return figure


def ui_chart(results: dict[str, Any]) -> Figure:
    """Plot key to paint by action: from the median to the 99th percentile, and the goal."""
    parts = [part for part in ("stream", "many") if part in results]
    rows = [(f"{name} ({part})", row) for part in parts for name, row in results[part]["keys"].items()]
    figure = Figure(figsize=(8, 0.24 * len(rows) + 1), layout="constrained")
    axes = figure.subplots()
    for position, (_, row) in enumerate(rows):
        axes.plot([row["p50"], row["p99"]], [position, position], color=PEER_COLOUR, linewidth=4)
        axes.plot([row["p50"]], [position], "o", color=OURS_COLOUR)
    axes.axvline(GOAL_MS, color="#6b7780", linestyle=":")
    axes.set_yticks(range(len(rows)), [name for name, _ in rows])
    axes.invert_yaxis()
    axes.set_xlabel(
        "milliseconds from key to paint: median to 99th percentile; dotted: goal while runs report"
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
