"""What the compare screen shows, read and reckoned in a worker."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from b4r_tui.app.widgets.run.overlay import Line, Plot
from b4r_tui.common.format import metric_label
from b4r_tui.results.compare import Comparison, Setting, compare, different_settings
from b4r_tui.results.groups import make_group
from b4r_tui.results.selection import NamedRuns
from b4r_tui.results.sides import sides_of
from b4r_tui.runs.progress import RunProgress, RunWatch
from b4r_tui.runs.store import Run
from b4r_tui.runs.summary import INTERVAL_PARTS, read_summary
from engine.contract.errors import B4RError


@dataclass(frozen=True)
class Asked:
    """How to compare. None: the metric that chose the baseline's epochs, the first protocol, the first side."""

    together: bool = True
    metric: str | None = None
    protocol: str | None = None
    baseline: str | None = None


@dataclass(frozen=True)
class Loaded:
    """Everything on screen. found: None where the sides cannot be compared, which `refused` says.

    metrics, protocols: those that all sides were tested by. seeds: whether runs that differ in their seed alone are
    among those chosen, so that they can be taken together or apart.
    """

    asked: Asked
    sides: tuple[NamedRuns, ...]
    found: Comparison | None
    refused: str
    settings: tuple[Setting, ...]
    metrics: tuple[str, ...]
    protocols: tuple[str, ...]
    seeds: bool
    plots: tuple[Plot, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Of the sides."""
        return tuple(side.name for side in self.sides)


def load(runs: Sequence[Run], asked: Asked) -> Loaded:
    """Compare the runs. Seeds that would leave one side only are taken apart."""
    together = sides_of(runs, True)
    sides = together if asked.together and len(together) > 1 else sides_of(runs, False)
    keys = _tested_by(sides)
    protocols = tuple(dict.fromkeys(protocol for protocol, _ in keys))
    found, refused = _compared(sides, asked)
    protocol = found.protocol if found else asked.protocol or (protocols[0] if protocols else "")
    metric = found.metric if found else asked.metric or _selected_by(sides)
    return Loaded(
        asked=asked,
        sides=tuple(sides),
        found=found,
        refused=refused,
        settings=found.settings if found else different_settings([side.runs for side in sides]),
        metrics=tuple(name for of, name in keys if of == protocol),
        protocols=protocols,
        seeds=len(together) < len(runs),
        plots=plots_of(sides, metric, protocol),
    )


def plots_of(sides: Sequence[NamedRuns], metric: str, protocol: str) -> tuple[Plot, ...]:
    """Training loss, and a metric on validation, of every run."""
    told = [(place, _progress(run)) for place, side in enumerate(sides) for run in side.runs]
    measured = _measured(told, metric, protocol)
    losses = [
        (place, [(epoch.epoch, epoch.train_loss) for epoch in said.history if epoch.train_loss is not None])
        for place, said in told
    ]
    values = [(place, said.metric_curve(measured, protocol or None)) for place, said in told]
    return (
        Plot("Training loss by epoch", _lines(losses)),
        Plot(f"Validation {metric_label(measured)} by epoch", _lines(values)),
    )


def _measured(told: Sequence[tuple[int, RunProgress]], metric: str, protocol: str) -> str:
    """The metric, or an NDCG where validation lacks it."""
    tables = [epoch.metrics.get(protocol, {}) for _, said in told for epoch in said.history[-1:]]
    known = list(dict.fromkeys(name for table in tables for name in table))
    return metric if metric in known else next((name for name in known if name.startswith("ndcg")), metric)


def _lines(told: Sequence[tuple[int, Sequence[tuple[int, float]]]]) -> tuple[Line, ...]:
    return tuple(
        Line(place, tuple((epoch + 1, value) for epoch, value in points)) for place, points in told if points
    )


def _compared(sides: Sequence[NamedRuns], asked: Asked) -> tuple[Comparison | None, str]:
    baseline = asked.baseline if asked.baseline in [side.name for side in sides] else None
    try:
        return compare(sides, baseline, asked.metric, asked.protocol), ""
    except B4RError as error:
        return None, error.sentence


def _tested_by(sides: Sequence[NamedRuns]) -> list[tuple[str, str]]:
    """(protocol, metric) that every side was tested by, in the order of the first."""
    tables = []
    for side in sides:
        run = make_group([read_summary(run) for run in side.runs]).runs[0]
        parts = [key.split(".", 2)[1:] for key in run if key.startswith("test.")]
        tables.append(
            {(part[0], part[1]): None for part in parts if part[1].rpartition(".")[2] not in INTERVAL_PARTS}
        )
    return [key for key in tables[0] if all(key in table for table in tables)]


def _selected_by(sides: Sequence[NamedRuns]) -> str:
    return str(read_summary(sides[0].runs[0]).get("select_by") or "ndcg@10")


def _progress(run: Run) -> RunProgress:
    watch = RunWatch(run)
    watch.poll()
    return watch.progress
