"""Three-way merge of an experiments file: changes of different keys are merged, others are reported as conflicts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import merge3

from b4r_tui.experiments.editing.keys import set_key, to_toml, unset_key
from b4r_tui.experiments.editing.layout import Path, parse_toml
from b4r_tui.experiments.file_problem import dotted
from b4r_tui.experiments.toml_lines import toml_lines
from engine.contract.errors import B4RError

Leaves = dict[Path, Any]
_GONE = object()


@dataclass(frozen=True)
class Merge:
    """text: the merged text, or None if the user has to choose. conflicts: dotted keys that both sides changed."""

    text: str | None
    conflicts: tuple[str, ...] = ()


def merge(base: str, mine: str, theirs: str) -> Merge:
    """Apply the changes from `base` to `mine` to `theirs`.

    Lines are merged first, which keeps the comments of both; if lines conflict but keys do not, keys are set one by
    one.
    """
    if mine in (theirs, base):
        return Merge(theirs)
    if theirs == base:
        return Merge(mine)
    lines = _by_lines(base, mine, theirs)
    try:
        old, ours, other = (_leaves(parse_toml(text)) for text in (base, mine, theirs))
    except B4RError:
        return Merge(lines)  # not valid TOML on one side, so only lines can be merged
    changed = _changed(old, ours)
    conflicts = _conflicts(changed, _changed(old, other))
    if conflicts:
        return Merge(None, conflicts)
    wanted = {path: value for path, value in other.items() if path not in changed}
    wanted |= {path: value for path, value in changed.items() if value is not _GONE}
    for text in (lines, _by_keys(theirs, changed), _by_keys(mine, _changed(old, other))):
        if text is not None and _leaves_of(text) == wanted:
            return Merge(text)
    return Merge(None)


def _by_lines(base: str, mine: str, theirs: str) -> str | None:
    """Merge lines three ways; return None if both sides changed the same ones."""
    old, ours, other = (toml_lines(text, keepends=True) for text in (base, mine, theirs))
    groups = list(merge3.Merge3(old, ours, other).merge_groups())
    if any(group[0] == "conflict" for group in groups):
        return None
    return "".join(line for group in groups for line in group[1])


def _by_keys(text: str, changed: Leaves) -> str | None:
    try:
        for path, value in changed.items():
            text = unset_key(text, path) if value is _GONE else set_key(text, path, to_toml(value))
    except B4RError:
        return None
    return text


def _leaves_of(text: str) -> Leaves | None:
    try:
        return _leaves(parse_toml(text))
    except B4RError:
        return None


def _leaves(table: dict[str, Any], above: Path = ()) -> Leaves:
    """Return every value that is not a table by its path; an empty table counts as a value."""
    leaves: Leaves = {}
    for key, value in table.items():
        path = (*above, key)
        leaves |= _leaves(value, path) if isinstance(value, dict) and value else {path: value}
    return leaves


def _changed(old: Leaves, new: Leaves) -> Leaves:
    """Return what differs in `new`; removed keys have the value _GONE."""
    other = {path: value for path, value in new.items() if path not in old or repr(old[path]) != repr(value)}
    return {path: _GONE for path in old if path not in new} | other


def _conflicts(mine: Leaves, theirs: Leaves) -> tuple[str, ...]:
    """Return the keys that both changed to different values, or that contain a key changed by the other side."""
    return tuple(
        sorted(
            dotted(path)
            for path, value in mine.items()
            for other, their_value in theirs.items()
            if (path == other and repr(value) != repr(their_value))
            or _contains(path, other)
            or _contains(other, path)
        )
    )


def _contains(outer: Path, inner: Path) -> bool:
    return len(outer) < len(inner) and inner[: len(outer)] == outer
