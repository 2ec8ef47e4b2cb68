"""What columns of the table of runs take from a run; None where it has no value to sort by."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from b4r_tui.app.snapshot import RunView
    from b4r_tui.app.widgets.runs.look import Look

Value = float | str | None
STATE_ORDER = [
    "running",
    "queued",
    "failed",
    "lost",
    "stopped",
    "finished",
]  # those that need attention first


def state_rank(view: RunView, look: Look) -> Value:
    """Return the place of the run's state in STATE_ORDER."""
    return STATE_ORDER.index(view.state.value)


def metric(index: int) -> Callable[[RunView, Look], float | None]:
    """Return a function that looks up the shown metric with this index."""

    def value(view: RunView, look: Look) -> float | None:
        if look.protocol is None or index >= len(look.metrics):
            return None
        return view.progress.metric(look.metrics[index], look.protocol)

    return value


def eta(view: RunView, look: Look) -> float | None:
    """Return the seconds that a running run still needs."""
    return view.progress.eta_seconds(look.now) if view.state.value == "running" else None


def reason(view: RunView) -> str:
    """Return why a run waits or why it died."""
    if view.waits:
        return view.waits
    if view.state.value == "queued":
        return "waiting for its turn"
    if view.card is not None:
        return view.card.title if view.state.value == "lost" else f"{view.card.title}: {view.card.sentence}"
    return view.progress.error or ""
