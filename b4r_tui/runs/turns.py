"""Runs take turns: of the runs under one root, one runs at a time, the oldest that waits first."""

from __future__ import annotations

import time
from collections.abc import Callable

from b4r_tui.runs.locks import is_held, try_hold
from b4r_tui.runs.state import RunState
from b4r_tui.runs.store import Run, RunStore

_POLL_SECONDS = 0.2


def wait_for_turn(run: Run, given_up: Callable[[], bool]) -> int | None:
    """Wait until it is the run's turn; the file descriptor that holds the turn, or None once given up."""
    store = RunStore(run.dir.parent.parent)
    turn = store.root / ".turn"
    while not given_up():
        if not is_held(turn) and _is_first(run, store):
            held = try_hold(turn)
            if held is not None:
                return held
        time.sleep(_POLL_SECONDS)
    return None


def _is_first(run: Run, store: RunStore) -> bool:
    """Whether no older run waits."""
    older = (other for other in store.runs() if other.run_id < run.run_id)
    return not any(other.state is RunState.QUEUED for other in older)
