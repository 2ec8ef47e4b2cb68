"""How numbers read on screen: one form for each kind, and a dash where there is none."""

from __future__ import annotations

import math

from rich.text import Text

NONE = "–"


def metric(value: float | None) -> str:
    """A metric between 0 and 1, such as 0.1234."""
    return NONE if _missing(value) else f"{value:.4f}"


def loss(value: float | None) -> str:
    """A loss, to four digits: 7.283, 12.31, 120.4."""
    if value is None or _missing(value):
        return NONE
    whole = len(str(int(abs(value))))
    return f"{value:.{max(0, 4 - whole)}f}"


def rate(value: float | None) -> str:
    """A count a second, short: 87.3, 1,240, 15.6k."""
    if value is None or _missing(value):
        return NONE
    if value >= 10_000:
        return f"{value / 1000:.1f}k" if value < 1_000_000 else f"{value / 1e6:.1f}M"
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"


def bar(fraction: float, width: int, done: str, rest: str) -> Text:
    """A progress bar of `width` characters with the percentage at its end."""
    fraction = min(1.0, max(0.0, fraction))
    cells = max(1, width - 5)
    full, half = divmod(int(fraction * cells * 2), 2)
    line = "━" * full + "╸" * half
    return Text.assemble(
        (line, done), ("─" * (cells - len(line)), rest), (f"{math.floor(fraction * 100):4d}%", done)
    )


def fitted(text: Text, width: int, right: bool = False) -> Text:
    """`text` cut with an ellipsis or padded to exactly `width` cells."""
    fit = text.copy()
    fit.no_wrap = True
    fit.truncate(width, overflow="ellipsis")
    fit.align("right" if right else "left", width)
    return fit


def spelled(metric_name: str) -> str:
    """A metric's name as people write it: NDCG@10, Recall@10, MRR."""
    kind, at, cutoff = metric_name.partition("@")
    return (kind.upper() if kind in ("ndcg", "mrr", "map", "arp") else kind.capitalize()) + at + cutoff


def _missing(value: float | None) -> bool:
    return value is None or not math.isfinite(value)
