"""What cells of the table of runs need besides the run, and sizes that they share."""

from __future__ import annotations

from dataclasses import dataclass

from b4r_tui.app.widgets.palette import Palette

GAP = 1  # cells between columns
WORDS = 10  # cells that fit a state's word


@dataclass(frozen=True)
class Look:
    """The time, the colours, and which metrics of which protocol the table shows.

    metrics: the most important first, such as ndcg@10.
    """

    now: float
    palette: Palette
    protocol: str | None = None
    metrics: tuple[str, ...] = ("ndcg@10", "recall@10")
