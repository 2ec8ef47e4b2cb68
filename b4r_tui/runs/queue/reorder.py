"""Changes the queue: priorities, places before or after other runs, paused or not, limits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Literal

from b4r_tui.runs.queue.start_runner import ensure_runner
from b4r_tui.runs.queue_place import Place, editing, read_place, sort_key, write_place
from b4r_tui.runs.queue_settings import Settings, read_settings, write_settings
from b4r_tui.runs.records import StatusRecord
from b4r_tui.runs.state import RunState
from b4r_tui.runs.store import Run, RunStore
from engine.contract.errors import B4RError, ExitCode

Where = Literal["first", "last", "before", "after"]


def set_priority(store: RunStore, run: Run, priority: float) -> None:
    """Start the queued run before all of lower priority. Raises B4RError unless it is queued."""
    with _changing(store):
        write_place(run.dir, replace(_place(run), priority=priority, order=None))


def set_paused(store: RunStore, runs: Sequence[Run], paused: bool) -> None:
    """Pause or resume queued runs, or, without any, the queue. Raises B4RError."""
    with _changing(store):
        places = [(run, _place(run)) for run in runs]
        for run, place in places:
            write_place(run.dir, replace(place, paused=paused))
        if not runs:
            write_settings(store.root, replace(read_settings(store.root), paused=paused))


def change_settings(store: RunStore, **changes: object) -> Settings:
    """Change limits of the queue and return its settings. Raises B4RError."""
    with _changing(store):
        settings = replace(read_settings(store.root), **changes)  # type: ignore[arg-type]
        write_settings(store.root, settings)
    return settings


def move(store: RunStore, run: Run, where: Where, other: Run | None = None) -> None:
    """Move the queued run first, last, or right before or after another queued one, whose priority it takes.

    Raises B4RError unless both are queued.
    """
    with _changing(store):
        _place(run)
        line = [each for each in _line(store) if each[0].dir != run.dir]
        position = _position(line, where, other)
        if line:
            near = line[min(position, len(line) - 1)] if where in ("first", "before") else line[position - 1]
            _write(run, near, line[:position], line[position:])


Queued = tuple[Run, StatusRecord, Place]


def _write(run: Run, near: Queued, before: list[Queued], behind: list[Queued]) -> None:
    """Give the run an order between its neighbours of the same priority; renumber all where none is free."""
    priority = near[2].priority
    low = next((_order(each) for each in reversed(before) if each[2].priority == priority), None)
    high = next((_order(each) for each in behind if each[2].priority == priority), None)
    order = _between(low, high)
    if order is None:
        order = _renumber(before, behind, priority)
    write_place(run.dir, replace(read_place(run.dir), priority=priority, order=order))


def _between(low: float | None, high: float | None) -> float | None:
    if low is None:
        return 0.0 if high is None else high - 1.0
    if high is None:
        return low + 1.0
    middle = (low + high) / 2
    return middle if low < middle < high else None


def _renumber(before: list[Queued], behind: list[Queued], priority: float) -> float:
    """Renumber the runs of this priority in steps of 1, up to the last one's order; return the order left free."""
    ahead = [each for each in before if each[2].priority == priority]
    rest = [each for each in behind if each[2].priority == priority]
    base = _order(rest[-1])
    numbered = [(each, base - len(ahead) - len(rest) + place) for place, each in enumerate(ahead)]
    numbered += [(each, base - len(rest) + 1 + place) for place, each in enumerate(rest)]
    for (run, _, place), order in numbered:
        write_place(run.dir, replace(place, order=order))
    return base - len(rest)


def _order(each: Queued) -> float:
    return sort_key(each[2], each[1])[1]


def _position(line: list[Queued], where: Where, other: Run | None) -> int:
    if where in ("first", "last"):
        return 0 if where == "first" else len(line)
    names = [run.dir for run, _, _ in line]
    if other is None or other.dir not in names:
        raise B4RError(f"{other.name if other else 'the run'} is not queued; see b4r-tui queue")
    return names.index(other.dir) + (where == "after")


def _line(store: RunStore) -> list[Queued]:
    """Return the queued runs in order."""
    queued = [
        (run, status, read_place(run.dir))
        for run in store.runs()
        if (status := run.status()) is not None and run.state is RunState.QUEUED
    ]
    return sorted(queued, key=lambda each: sort_key(each[2], each[1]))


def _place(run: Run) -> Place:
    if run.state is not RunState.QUEUED:
        raise B4RError(f"{run.name} is {run.state}; only queued runs can be moved or paused")
    return read_place(run.dir)


@contextmanager
def _changing(store: RunStore) -> Iterator[None]:
    """Hold the queue's lock, then make its runner apply the change at once."""
    try:
        with editing(store.root):
            yield
    except OSError as error:
        raise B4RError(f"{error.filename}: {error.strerror or error}", ExitCode.ENVIRONMENT) from error
    ensure_runner(store.root)
