"""The data of curves: which values of which runs, for which epochs. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from b4r_tui.common.format import metric_label

if TYPE_CHECKING:
    from b4r_tui.app.snapshot import RunView
    from engine.contract.events import Epoch

Points = tuple[list[float], list[float]]
Metric = tuple[str, str]  # protocol and metric
MOST_POINTS = 400  # per line; no terminal has more columns


@dataclass
class Curve:
    """One plot: its title and its lines by name."""

    title: str
    lines: dict[str, Points] = field(default_factory=dict)


@dataclass(frozen=True)
class Window:
    """The part of the epochs that is shown, as fractions of all epochs."""

    start: float = 0.0
    end: float = 1.0

    def zoomed(self, factor: float) -> Window:
        """Return a window around the same middle, `factor` times as wide, at most all epochs."""
        middle, half = (self.start + self.end) / 2, min(0.5, (self.end - self.start) * factor / 2)
        middle = min(max(middle, half), 1 - half)
        return Window(middle - half, middle + half)

    def moved(self, share: float) -> Window:
        """Return the window moved by this share of its width, as far as there are epochs."""
        width = self.end - self.start
        start = min(max(0.0, self.start + share * width), 1 - width)
        return Window(start, start + width)

    def epochs(self, last: float) -> tuple[float, float]:
        """Return the first and last epoch shown, counted from 1 and at least one apart."""
        low, high = 1 + self.start * (last - 1), 1 + self.end * (last - 1)
        return (low, high) if high - low >= 1 else (low, low + 1)


def curves_of(views: Sequence[RunView], metric: Metric | None) -> list[Curve]:
    """Return loss, metric, throughput and learning rate: of one run a line per protocol, of several a line per run."""
    return [
        _each("Train loss", views, lambda epoch: epoch.train_loss),
        metric_curve(views[0].progress.history, metric)
        if len(views) == 1
        else _metric_of_each(views, metric),
        _each("Sequences per second", views, lambda epoch: epoch.sequences_per_second),
        _each("Learning rate", views, lambda epoch: epoch.lr),
    ]


def metric_curve(history: list[Epoch], metric: Metric | None = None) -> Curve:
    """Return a validation metric over epochs, a line per protocol; by default NDCG@10, or the NDCG there is."""
    name = metric[1] if metric else _default(history)
    curve = Curve(f"{metric_label(name)} val")
    for protocol in {each: None for epoch in history for each in epoch.metrics}:
        points = _points(history, _value_of(protocol, name))
        if points[0]:
            curve.lines[protocol] = points
    return curve


def names_of(views: Sequence[RunView]) -> list[str]:
    """Return a short name for each run: its experiment and the end of its id."""
    return [f"{view.run.experiment} {view.run.run_id.rpartition('-')[2]}" for view in views]


def epoch_ticks(first: float, last: float, most: int = 5) -> list[float]:
    """Return the epochs to write below the axis, each once: the first, the last and round ones between."""
    low, high = math.ceil(first), math.floor(last)
    if low >= high:
        return [float(low)]
    step = next(
        size
        for size in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 10**4, 10**6)
        if (high - low + 1) / size <= most
    )
    between = range(math.ceil(low / step) * step, high, step)
    return [
        float(low),
        *(float(e) for e in between if e - low >= step / 2 and high - e >= step / 2),
        float(high),
    ]


def value_range(values: Sequence[float]) -> tuple[float, float]:
    """Return the limits of the axis: the values with a margin, never an empty range."""
    finite = [value for value in values if math.isfinite(value)] or [0.0, 1.0]
    low, high = min(finite), max(finite)
    margin = (high - low) * 0.06 or abs(high) * 0.1 or 1.0
    return low - margin, high + margin


def value_ticks(low: float, high: float, most: int = 5) -> list[float]:
    """Return at most `most` round values between low and high."""
    size = 10.0 ** math.floor(math.log10((high - low) / most))
    step = next(size * factor for factor in (1, 2, 5, 10, 20) if (high - low) / (size * factor) <= most)
    first = math.ceil(low / step)
    return [number * step for number in range(first, math.floor(high / step) + 1)]


def visible(points: Points, low: float, high: float) -> Points:
    """Return the points of these epochs and one on either side, thinned to what a terminal can show."""
    pairs = list(zip(*points, strict=True))
    inside = [number for number, (x, _) in enumerate(pairs) if low <= x <= high]
    if inside:
        pairs = pairs[max(0, inside[0] - 1) : inside[-1] + 2]
    step = -(-len(pairs) // MOST_POINTS)
    shown = [*pairs[:-1:step], *pairs[-1:]] if step > 1 else pairs
    return [x for x, _ in shown], [y for _, y in shown]


def marks(points: Points, most: int = 6, shift: float = 0.0) -> Points:
    """Return evenly spaced points at which a line gets its marker; shift: by which part of the space, from 0 to 1."""
    count = len(points[0])
    if count <= most:
        return points
    step = count / most
    chosen = [min(count - 1, int(shift * step + number * step)) for number in range(most)]
    return [points[0][index] for index in chosen], [points[1][index] for index in chosen]


def _each(title: str, views: Sequence[RunView], value: Callable[[Epoch], float | None]) -> Curve:
    """Return a line per run, nameless where there is only one."""
    names = names_of(views) if len(views) > 1 else [""]
    lines = {name: _points(view.progress.history, value) for name, view in zip(names, views, strict=True)}
    return Curve(title, {name: points for name, points in lines.items() if points[0]})


def _metric_of_each(views: Sequence[RunView], metric: Metric | None) -> Curve:
    histories = [view.progress.history for view in views if view.progress.history]
    first = next((epoch for history in histories for epoch in history if epoch.metrics), None)
    protocol = metric[0] if metric else next(iter(first.metrics), "") if first else ""
    name = metric[1] if metric else _default(histories[0] if histories else [])
    return _each(f"{metric_label(name)} val, {protocol}", views, _value_of(protocol, name))


def _default(history: list[Epoch]) -> str:
    """Return NDCG@10, or another NDCG where that cutoff is not measured."""
    measured = [name for epoch in history for metrics in epoch.metrics.values() for name in metrics]
    default = "ndcg@10"
    return default if default in measured else next((n for n in measured if n.startswith("ndcg")), default)


def _value_of(protocol: str, metric: str) -> Callable[[Epoch], float | None]:
    return lambda epoch: epoch.metrics.get(protocol, {}).get(metric)


def _points(history: list[Epoch], value: Callable[[Epoch], float | None]) -> Points:
    """Return epochs, counted from 1 as in the tables, and their values; epochs without one are left out."""
    valued = [(float(epoch.epoch + 1), value(epoch)) for epoch in history]
    points = [(x, y) for x, y in valued if y is not None and math.isfinite(y)]
    return [x for x, _ in points], [y for _, y in points]
