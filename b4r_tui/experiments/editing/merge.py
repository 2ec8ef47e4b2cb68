"""Brings two changed copies of a file together where they changed different keys; otherwise says which clash."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import merge3

from b4r_tui.experiments.editing.keys import set_key, unset_key, written
from b4r_tui.experiments.editing.layout import Path, parsed
from b4r_tui.experiments.file_problem import dotted
from engine.contract.errors import B4RError

Leaves = dict[Path, Any]
_GONE = object()


@dataclass(frozen=True)
class Merge:
    """text: both changes in one, or None where a person has to choose. clashes: the dotted keys that both changed."""

    text: str | None
    clashes: tuple[str, ...] = ()


def merge(base: str, mine: str, theirs: str) -> Merge:
    """Lay what changed from `base` to `mine` over `theirs`.

    Lines are merged first, which keeps comments of both; where lines clash but keys do not, keys are set one by one.
    """
    if mine in (theirs, base):
        return Merge(theirs)
    if theirs == base:
        return Merge(mine)
    lines = _by_lines(base, mine, theirs)
    try:
        old, ours, other = (_leaves(parsed(text)) for text in (base, mine, theirs))
    except B4RError:
        return Merge(lines)  # half-written text: lines are all there is to go by
    changed = _changed(old, ours)
    clashes = _clashes(changed, _changed(old, other))
    if clashes:
        return Merge(None, clashes)
    wanted = {path: value for path, value in other.items() if path not in changed}
    wanted |= {path: value for path, value in changed.items() if value is not _GONE}
    for text in (lines, _by_keys(theirs, changed), _by_keys(mine, _changed(old, other))):
        if text is not None and _reads(text) == wanted:
            return Merge(text)
    return Merge(None)


def _by_lines(base: str, mine: str, theirs: str) -> str | None:
    """Lines merged three ways, or None where both changed the same ones."""
    old, ours, other = (text.splitlines(keepends=True) for text in (base, mine, theirs))
    groups = list(merge3.Merge3(old, ours, other).merge_groups())
    if any(group[0] == "conflict" for group in groups):
        return None
    return "".join(line for group in groups for line in group[1])


def _by_keys(text: str, changed: Leaves) -> str | None:
    try:
        for path, value in changed.items():
            text = unset_key(text, path) if value is _GONE else set_key(text, path, written(value))
    except B4RError:
        return None
    return text


def _reads(text: str) -> Leaves | None:
    try:
        return _leaves(parsed(text))
    except B4RError:
        return None


def _leaves(table: dict[str, Any], above: Path = ()) -> Leaves:
    """Every value that is no table, by its path; a table that holds nothing counts as one."""
    leaves: Leaves = {}
    for key, value in table.items():
        path = (*above, key)
        leaves |= _leaves(value, path) if isinstance(value, dict) and value else {path: value}
    return leaves


def _changed(old: Leaves, new: Leaves) -> Leaves:
    """What is other in `new`; keys that are gone have the value _GONE."""
    other = {path: value for path, value in new.items() if path not in old or repr(old[path]) != repr(value)}
    return {path: _GONE for path in old if path not in new} | other


def _clashes(mine: Leaves, theirs: Leaves) -> tuple[str, ...]:
    """Keys that both changed to different values, or of which one holds the other."""
    return tuple(
        sorted(
            dotted(path)
            for path, value in mine.items()
            for other, their_value in theirs.items()
            if (path == other and repr(value) != repr(their_value))
            or _holds(path, other)
            or _holds(other, path)
        )
    )


def _holds(outer: Path, inner: Path) -> bool:
    return len(outer) < len(inner) and inner[: len(outer)] == outer
