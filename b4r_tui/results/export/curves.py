"""Curves of runs as the geometry of an SVG chart."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 640, 260
LEFT, RIGHT, TOP, BOTTOM = 58, 12, 10, 28  # margins; axis labels are in the left and the lower one


@dataclass(frozen=True)
class Curve:
    """Values of a run: (epoch from 1, value). colour: index into the palette, one per group."""

    name: str
    colour: int
    points: Sequence[tuple[int, float]]


@dataclass(frozen=True)
class Tick:
    """A tick of an axis: its position and its label."""

    at: float
    label: str


@dataclass(frozen=True)
class Line:
    """A curve as drawn: the points of a polyline, and its end."""

    name: str
    colour: int
    points: str
    end: tuple[float, float]


@dataclass(frozen=True)
class Chart:
    """A chart of WIDTH × HEIGHT units, y pointing down."""

    title: str
    lines: tuple[Line, ...]
    across: tuple[Tick, ...]
    up: tuple[Tick, ...]


def chart(title: str, curves: Sequence[Curve]) -> Chart | None:
    """Return the curves in one pair of axes; None if they have no finite point."""
    finite = [
        Curve(each.name, each.colour, [p for p in each.points if math.isfinite(p[1])]) for each in curves
    ]
    finite = [each for each in finite if each.points]
    if not finite:
        return None
    epochs = [epoch for each in finite for epoch, _ in each.points]
    values = [value for each in finite for _, value in each.points]
    last, steps = max(max(epochs), 2), ticks(min(values), max(values))
    low, high = min(steps[0], min(values)), max(steps[-1], max(values))

    def x(epoch: float) -> float:
        return round(LEFT + (epoch - 1) / (last - 1) * (WIDTH - LEFT - RIGHT), 1)

    def y(value: float) -> float:
        return round(HEIGHT - BOTTOM - (value - low) / (high - low) * (HEIGHT - TOP - BOTTOM), 1)

    lines = [
        Line(
            each.name,
            each.colour,
            " ".join(f"{x(epoch)},{y(value)}" for epoch, value in each.points),
            (x(each.points[-1][0]), y(each.points[-1][1])),
        )
        for each in finite
    ]
    epoch_ticks = sorted({max(1, round(step)) for step in ticks(1, last) if step <= last})
    return Chart(
        title,
        tuple(lines),
        tuple(Tick(x(step), str(step)) for step in epoch_ticks),
        tuple(Tick(y(step), f"{step:.4g}") for step in steps),
    )


def ticks(low: float, high: float, most: int = 5) -> list[float]:
    """Return at most `most` + 1 round numbers that cover low to high, in steps of 1, 2 or 5 times a power of ten."""
    if high <= low:
        reach = abs(low) * 0.1 or 1.0
        low, high = low - reach, high + reach
    rough = (high - low) / (most - 1)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * (1 - 1e-9))
    first, end = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [place * step for place in range(first, end + 1)]
