"""Which metrics the table of runs shows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from b4r_tui.app.snapshot import RunView


def shown_protocol(views: Sequence[RunView]) -> str | None:
    """Return the protocol whose metrics the table shows: the first one of the newest run with metrics."""
    for view in views:
        for epoch in view.progress.history:
            if epoch.metrics:
                return next(iter(epoch.metrics))
    return None


def shown_metrics(views: Sequence[RunView], protocol: str | None) -> tuple[str, ...]:
    """Return NDCG and recall at 10 where any run has it, otherwise at the smallest cutoff there is."""
    cutoffs = {
        int(name.partition("@")[2]) for _, name in measured(views, protocol) if name.startswith("ndcg@")
    }
    cutoff = 10 if not cutoffs or 10 in cutoffs else min(cutoffs)
    return f"ndcg@{cutoff}", f"recall@{cutoff}"


def measured(views: Sequence[RunView], protocol: str | None = None) -> dict[tuple[str, str], None]:
    """Return (protocol, metric) of everything in the runs' last epochs, in their order."""
    return {
        (name, metric): None
        for view in views
        for epoch in view.progress.history[-1:]
        for name, metrics in epoch.metrics.items()
        for metric in metrics
        if protocol in (None, name)
    }
