"""An experiment assembled from the tables of a file, with the place where each setting was written."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import Any

from b4r_tui.experiments.file_problem import KeyPath
from b4r_tui.experiments.sweep.plan import SweepPlan

GROUPS = ("data", "model", "training", "evaluation", "launch")

Table = dict[str, Any]


@dataclass(frozen=True)
class KeyProblem:
    """A problem at a key path of the file."""

    path: KeyPath
    sentence: str


@dataclass
class Draft:
    """An experiment that is assembled but not checked yet.

    base: its name in the file. settings: its groups. origins: where each setting was written, by path inside the
    experiment; `tables`: the paths among them that are tables. sweep: the sweep it is a member of or, for an adaptive
    search, the base of. point: number of its point, from 1, with the swept `values`. tried: made only to check the
    sweep, never run.
    """

    name: str
    base: str
    description: Any = ""
    settings: Table = field(default_factory=dict)
    origins: dict[KeyPath, KeyPath] = field(default_factory=dict)
    tables: set[KeyPath] = field(default_factory=set)
    sweep: SweepPlan | None = None
    point: int = 0
    values: Table = field(default_factory=dict)
    tried: bool = False

    def origin(self, path: KeyPath) -> KeyPath:
        """Return where in the file the setting at `path` was written, or would be written for this experiment."""
        if path in self.origins:
            return self.origins[path]
        for length in range(len(path) - 1, 0, -1):
            if path[:length] in self.origins and path[:length] not in self.tables:
                return self.origins[path[:length]] + path[length:]
        return ("experiments", self.base, *path)

    def overlay(self, table: Table, source: KeyPath) -> None:
        """Apply the groups of `table`, written at `source`, on top of the settings so far."""
        self._merge(self.settings, {key: table[key] for key in GROUPS if key in table}, (), source)

    def put(self, path: tuple[str, ...], value: Any, source: KeyPath) -> None:
        """Set one setting, written at `source`."""
        table = self.settings
        for part in path[:-1]:
            table = _inner(table, part)
        table[path[-1]] = value
        self.origins[path] = source

    def _merge(self, below: Table, above: Table, path: KeyPath, source: KeyPath) -> None:
        """Merge `above` into `below`: tables key by key, other values as a whole."""
        for key, value in above.items():
            here = (*path, key)
            self.origins[here] = (*source, key)
            if isinstance(value, dict):
                self.tables.add(here)
                self._merge(_inner(below, key), value, here, (*source, key))
            else:
                below[key] = copy.deepcopy(value)
                self.tables.discard(here)


def _inner(table: Table, key: str) -> Table:
    """Return the table at `key` of `table`, creating it if necessary."""
    if not isinstance(table.get(key), dict):
        table[key] = {}
    inner: Table = table[key]
    return inner
