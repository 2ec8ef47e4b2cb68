"""What the queue dialog offers for waiting runs, by the words of its menu. All imports are deferred."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from b4r_tui.runs.store import Run, RunStore

PRIORITY = "Set priority…"
QueueChange = Callable[["RunStore", "Sequence[Run]"], None]


def move_first(store: RunStore, runs: Sequence[Run]) -> None:
    """Move runs before all others, in their order. Raises B4RError."""
    from b4r_tui.runs.queue.reorder import move

    for run in sorted(runs, key=lambda run: run.run_id, reverse=True):
        move(store, run, "first")


def move_last(store: RunStore, runs: Sequence[Run]) -> None:
    """Move runs after all others, in their order. Raises B4RError."""
    from b4r_tui.runs.queue.reorder import move

    for run in sorted(runs, key=lambda run: run.run_id):
        move(store, run, "last")


def pause(store: RunStore, runs: Sequence[Run]) -> None:
    """Pause runs: they keep their places, but are not started. Raises B4RError."""
    from b4r_tui.runs.queue.reorder import set_paused

    set_paused(store, runs, True)


def unpause(store: RunStore, runs: Sequence[Run]) -> None:
    """Let paused runs start again. Raises B4RError."""
    from b4r_tui.runs.queue.reorder import set_paused

    set_paused(store, runs, False)


def set_priorities(store: RunStore, runs: Sequence[Run], priority: float) -> None:
    """Give runs a priority; higher ones start first. Raises B4RError."""
    from b4r_tui.runs.queue.reorder import set_priority

    for run in runs:
        set_priority(store, run, priority)


CHANGES: dict[str, QueueChange] = {
    "Move to front": move_first,
    "Move to end": move_last,
    "Pause": pause,
    "Resume": unpause,
}
