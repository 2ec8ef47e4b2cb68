"""What can be done with the places of waiting runs in the queue, by the words that a person chooses from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from b4r_tui.runs.store import Run, RunStore

PRIORITY = "Priority…"


def first(store: RunStore, runs: Sequence[Run]) -> None:
    """Before all others, in their order. Raises B4RError."""
    from b4r_tui.runs.queue.reorder import move

    for run in sorted(runs, key=lambda run: run.run_id, reverse=True):
        move(store, run, "first")


def last(store: RunStore, runs: Sequence[Run]) -> None:
    """After all others, in their order. Raises B4RError."""
    from b4r_tui.runs.queue.reorder import move

    for run in sorted(runs, key=lambda run: run.run_id):
        move(store, run, "last")


def hold(store: RunStore, runs: Sequence[Run]) -> None:
    """Hold them back. Raises B4RError."""
    from b4r_tui.runs.queue.reorder import set_paused

    set_paused(store, runs, True)


def let_go(store: RunStore, runs: Sequence[Run]) -> None:
    """Let them go on. Raises B4RError."""
    from b4r_tui.runs.queue.reorder import set_paused

    set_paused(store, runs, False)


def prioritised(store: RunStore, runs: Sequence[Run], priority: float) -> None:
    """Let them go before all of lower priority. Raises B4RError."""
    from b4r_tui.runs.queue.reorder import set_priority

    for run in runs:
        set_priority(store, run, priority)


Doing = Callable[["RunStore", "Sequence[Run]"], None]
PLACES: dict[str, Doing] = {
    "To the front": first,
    "To the end": last,
    "Hold back": hold,
    "Let go": let_go,
}
