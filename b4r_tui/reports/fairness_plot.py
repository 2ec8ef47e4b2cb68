"""The trade-off curves as a plot with one panel per metric and one line per result. Needs matplotlib."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from b4r_tui.reports.fairness import METRICS, temperature
from engine.contract.atomic_files import replacing


def write_plot(results: list[dict[str, Any]], path: Path) -> Path:
    """Plot F against NDCG@10 by temperature and write it as SVG in one step. Raises ImportError, OSError."""
    import matplotlib  # an optional library
    from matplotlib.figure import Figure  # without a window and the state of pyplot

    figure = Figure(figsize=(10.5, 6.2), layout="constrained")
    panels = figure.subplots(2, 3).flat
    for panel, name in zip(panels, METRICS, strict=True):
        for result in results:
            _line(panel, result, name)
        panel.set(title=f"{name}-F", xlabel="NDCG@10", ylabel="F, lower is fairer")
        panel.ticklabel_format(axis="y", style="sci", scilimits=(0, 0))
        panel.grid(alpha=0.3)
    figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=len(results))
    figure.suptitle("Fairness against accuracy by temperature; the ring marks the static ranking")
    # a fixed salt and no date, so that the same numbers give the same file
    with matplotlib.rc_context({"svg.hashsalt": "b4r-tui", "svg.fonttype": "none"}), replacing(path) as file:
        figure.savefig(file, format="svg", metadata={"Date": None})
    return path


def _line(panel: Any, result: dict[str, Any], name: str) -> None:
    static, *points = result["points"]
    xs, ys = _of([*points, static], name)
    (line,) = panel.plot(xs, ys, marker=".", label=result["ranker"])
    panel.plot(*_of([static], name), "o", markerfacecolor="none", color=line.get_color())
    for point, x, y in list(zip(points, xs, ys, strict=False))[:: max(1, len(points) - 1)]:
        panel.annotate(temperature(point), (x, y), fontsize=7, xytext=(3, 3), textcoords="offset points")


def _of(points: list[dict[str, Any]], name: str) -> tuple[list[float], list[float]]:
    return [point["ndcg@10"] for point in points], [point["metrics"][name]["F"] for point in points]
