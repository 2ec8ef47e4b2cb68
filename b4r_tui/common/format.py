"""How numbers, times and names of metrics are written, the same in every command and on every screen."""

from __future__ import annotations

import math
import time

NOTHING = "–"  # where there is no value
_ACRONYMS = ("ndcg", "mrr", "map", "arp")


def decimal(value: float | None) -> str:
    """Return a metric, such as 0.1234."""
    return NOTHING if value is None or not math.isfinite(value) else f"{value:.4f}"


def loss(value: float | None) -> str:
    """Return a loss with four significant digits: 7.283, 12.31, 120.4."""
    if value is None or not math.isfinite(value):
        return NOTHING
    digits = len(str(int(abs(value))))
    return f"{value:.{max(0, 4 - digits)}f}"


def interval(low: float | None, high: float | None) -> str:
    """Return a confidence interval, empty where a limit is missing."""
    return "" if low is None or high is None else f"{low:.4f} to {high:.4f}"


def whole(value: float | None) -> str:
    """Return a count with thousands separators."""
    return NOTHING if value is None else f"{value:,.0f}"


def rate(value: float | None) -> str:
    """Return a rate per second in at most six characters: 87.3, 1,240, 15.6k."""
    if value is None or not math.isfinite(value):
        return NOTHING
    if value >= 10_000:
        return f"{value / 1000:.1f}k" if value < 1_000_000 else f"{value / 1e6:.1f}M"
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"


def memory(megabytes: float | None) -> str:
    """Return an amount of memory, in GB from ten thousand MB on: 812 MB, 12.5 GB."""
    if megabytes is None:
        return NOTHING
    return f"{megabytes:,.0f} MB" if megabytes < 10_000 else f"{megabytes / 1024:,.1f} GB"


def bar(fraction: float, width: int) -> tuple[str, str]:
    """Return the done and the remaining part of a progress bar, which is full only at the very end."""
    cells, half = divmod(int(min(1.0, max(0.0, fraction)) * width * 2), 2)
    done = "━" * cells + "╸" * half
    return done, "─" * (width - len(done))


def duration(seconds: float | None) -> str:
    """Return a time span in at most six characters: 45s, 3m 20s, 1h 05m, 2d 03h."""
    if seconds is None or not math.isfinite(seconds):
        return NOTHING
    minutes, second = divmod(max(0, round(seconds)), 60)
    hours, minute = divmod(minutes, 60)
    days, hour = divmod(hours, 24)
    if days:
        return f"{days}d {hour:02}h"
    if hours:
        return f"{hours}h {minute:02}m"
    return f"{minutes}m {second:02}s" if minutes else f"{second}s"


def moment(seconds: float | None) -> str:
    """Return a point in time in this machine's time zone, to the second."""
    return NOTHING if seconds is None else time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))


def plural(count: int, noun: str) -> str:
    """Return a count and its noun: `1 run`, `2 runs`."""
    return f"{count:,} {noun}" + ("" if count == 1 else "s")


def metric_label(name: str) -> str:
    """Return a metric's name as papers write it: NDCG@10, Recall@10, MRR."""
    kind, at, cutoff = name.partition("@")
    return (kind.upper() if kind in _ACRONYMS else kind.capitalize()) + at + cutoff
