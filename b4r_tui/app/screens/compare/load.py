"""The data of the compare screen, read and computed in a thread."""

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
class CompareOptions:
    """How to compare. group_seeds: runs that differ only in their seed are one group.

    None: the metric that selected the baseline's epochs, the first protocol, the first group.
    """

    group_seeds: bool = True
    metric: str | None = None
    protocol: str | None = None
    baseline: str | None = None


@dataclass(frozen=True)
class Loaded:
    """Everything on screen. comparison: None if the groups cannot be compared; `error` says why.

    metrics, protocols: those that all groups were tested by. has_seeds: whether some runs differ only in their seed,
    so that they can be grouped.
    """

    options: CompareOptions
    groups: tuple[NamedRuns, ...]
    comparison: Comparison | None
    error: str
    settings: tuple[Setting, ...]
    metrics: tuple[str, ...]
    protocols: tuple[str, ...]
    has_seeds: bool
    plots: tuple[Plot, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names of the groups."""
        return tuple(group.name for group in self.groups)


def load(runs: Sequence[Run], options: CompareOptions) -> Loaded:
    """Compare the runs. Seeds are not grouped if that would leave one group only."""
    by_seeds = sides_of(runs, True)
    groups = by_seeds if options.group_seeds and len(by_seeds) > 1 else sides_of(runs, False)
    shared = _shared_metrics(groups)
    protocols = tuple(dict.fromkeys(protocol for protocol, _ in shared))
    comparison, error = _compare(groups, options)
    if comparison:
        metric, protocol = comparison.metric, comparison.protocol
    else:
        metric = options.metric or _selection_metric(groups)
        protocol = options.protocol or (protocols[0] if protocols else "")
    return Loaded(
        options=options,
        groups=tuple(groups),
        comparison=comparison,
        error=error,
        settings=comparison.settings if comparison else different_settings([group.runs for group in groups]),
        metrics=tuple(name for of, name in shared if of == protocol),
        protocols=protocols,
        has_seeds=len(by_seeds) < len(runs),
        plots=make_plots(groups, metric, protocol),
    )


def make_plots(groups: Sequence[NamedRuns], metric: str, protocol: str) -> tuple[Plot, ...]:
    """Return the training loss and a validation metric of every run."""
    runs = [(place, _progress(run)) for place, group in enumerate(groups) for run in group.runs]
    plotted = _plotted_metric([progress for _, progress in runs], metric, protocol)
    losses = [
        (
            place,
            [(epoch.epoch, epoch.train_loss) for epoch in progress.history if epoch.train_loss is not None],
        )
        for place, progress in runs
    ]
    values = [(place, progress.metric_curve(plotted, protocol or None)) for place, progress in runs]
    return (
        Plot("Training loss by epoch", _lines(losses)),
        Plot(f"Validation {metric_label(plotted)} by epoch", _lines(values)),
    )


def _plotted_metric(runs: Sequence[RunProgress], metric: str, protocol: str) -> str:
    """Return the metric, or an NDCG if validation lacks it."""
    tables = [epoch.metrics.get(protocol, {}) for progress in runs for epoch in progress.history[-1:]]
    known = list(dict.fromkeys(name for table in tables for name in table))
    return metric if metric in known else next((name for name in known if name.startswith("ndcg")), metric)


def _lines(curves: Sequence[tuple[int, Sequence[tuple[int, float]]]]) -> tuple[Line, ...]:
    return tuple(
        Line(place, tuple((epoch + 1, value) for epoch, value in points))
        for place, points in curves
        if points
    )


def _compare(groups: Sequence[NamedRuns], options: CompareOptions) -> tuple[Comparison | None, str]:
    baseline = options.baseline if options.baseline in [group.name for group in groups] else None
    try:
        return compare(groups, baseline, options.metric, options.protocol), ""
    except B4RError as error:
        return None, error.sentence


def _shared_metrics(groups: Sequence[NamedRuns]) -> list[tuple[str, str]]:
    """Return (protocol, metric) pairs that every group was tested by, in the order of the first group."""
    tables = []
    for group in groups:
        run = make_group([read_summary(run) for run in group.runs]).runs[0]
        parts = [key.split(".", 2)[1:] for key in run if key.startswith("test.")]
        tables.append(
            {(part[0], part[1]): None for part in parts if part[1].rpartition(".")[2] not in INTERVAL_PARTS}
        )
    return [key for key in tables[0] if all(key in table for table in tables)]


def _selection_metric(groups: Sequence[NamedRuns]) -> str:
    return str(read_summary(groups[0].runs[0]).get("select_by") or "ndcg@10")


def _progress(run: Run) -> RunProgress:
    watch = RunWatch(run)
    watch.poll()
    return watch.progress
