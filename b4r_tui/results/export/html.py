"""The HTML report: one self-contained file with leaderboards, curves, settings and environment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from b4r_tui.common.format import decimal, duration, interval, moment
from b4r_tui.results.compare import Setting, different_settings
from b4r_tui.results.export import curves
from b4r_tui.results.export.curves import Chart, Curve, chart
from b4r_tui.results.export.table import Panel, legend, mark, standing
from b4r_tui.runs.progress import RunProgress, RunWatch
from b4r_tui.runs.store import Run
from engine.contract import run_folder
from engine.contract.atomic_files import read_json

COLOURS = 8  # in the palette of the template; the last one, grey, is shared by all further groups
_FACTS = ("host", "platform", "device", "cpu_cores", "threads", "world_size", "python", "git_commit")


@dataclass(frozen=True)
class Section:
    """A panel with its legend, charts and differing settings."""

    panel: Panel
    places: dict[str, list[int]]
    legend: list[str]
    charts: list[Chart]
    settings: tuple[Setting, ...]


def as_html(panels: Sequence[Panel], runs: Mapping[str, Run], made_at: float, version: str) -> str:
    """Return the report as one page. runs: those in the panels, by id. made_at: Unix seconds."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("b4r_tui.results.export", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(
        curves=curves,
        decimal=decimal,
        interval=interval,
        mark=mark,
        colour=colour_of,
        setting=_setting,
    )
    shown = [runs[run_id] for panel in panels for group in panel.groups for run_id in group.run_ids]
    return environment.get_template("report.html.j2").render(
        sections=[_section(panel, runs) for panel in panels],
        environments=environments(shown),
        runs=[_provenance(panel, group, runs) for panel in panels for group in panel.groups],
        made=moment(made_at),
        version=version,
    )


def colour_of(place: int) -> int:
    """Return the palette index of a group, by its place on the board."""
    return min(place, COLOURS - 1)


def environments(runs: Sequence[Run]) -> list[tuple[str, str]]:
    """Return (fact, values) of the machines and versions of the runs; differing values are joined by commas."""
    facts: dict[str, dict[str, None]] = {}
    for run in runs:
        environment = read_json(run.dir / run_folder.ENVIRONMENT) or {}
        for key in _FACTS:
            if environment.get(key) is not None:
                facts.setdefault(key.replace("_", " "), {})[str(environment[key])] = None
        for name, version in (environment.get("packages") or {}).items():
            facts.setdefault(name, {})[str(version)] = None
    return [(fact, ", ".join(values)) for fact, values in facts.items()]


def _section(panel: Panel, runs: Mapping[str, Run]) -> Section:
    members = [
        (place, group.name, run_id, _progress(runs[run_id]))
        for place, group in enumerate(panel.groups)
        for run_id in group.run_ids
    ]
    charts = [chart("Training loss by epoch", [_curve(each, None, panel.protocol) for each in members])]
    charts += [
        chart(f"Validation {metric} by epoch", [_curve(each, metric, panel.protocol) for each in members])
        for metric in panel.metrics
    ]
    return Section(
        panel=panel,
        places={metric: standing(panel, metric) for metric in panel.metrics},
        legend=legend(panel),
        charts=[each for each in charts if each is not None],
        settings=different_settings([[runs[run_id] for run_id in group.run_ids] for group in panel.groups]),
    )


def _progress(run: Run) -> RunProgress:
    watch = RunWatch(run)
    watch.poll()
    return watch.progress


def _curve(member: tuple[int, str, str, RunProgress], metric: str | None, protocol: str) -> Curve:
    place, name, run_id, progress = member
    if metric is None:
        points = [(epoch.epoch + 1, epoch.train_loss) for epoch in progress.history]
        points = [(epoch, loss) for epoch, loss in points if loss is not None]
    else:
        points = [(epoch + 1, value) for epoch, value in progress.metric_curve(metric, protocol)]
    return Curve(f"{name} · {run_id}", colour_of(place), points)


def _provenance(panel: Panel, group: Any, runs: Mapping[str, Run]) -> dict[str, Any]:
    """Return the runs of a group, for the list of where the figures come from."""
    return {
        "name": group.name,
        "protocol": panel.protocol,
        "runs": [
            {
                "id": run["run_id"],
                "seed": run.get("seed"),
                "epoch": run.get("tested_epoch"),
                "took": duration(_took(run)),
                "dir": f"{runs[run['run_id']].experiment}/{run['run_id']}",
            }
            for run in group.runs
        ],
    }


def _took(run: dict[str, Any]) -> float | None:
    started, ended = run.get("started_at"), run.get("ended_at")
    return None if started is None or ended is None else float(ended - started)


def _setting(values: Sequence[Any]) -> str:
    return ", ".join("unset" if value is None else str(value) for value in values)
