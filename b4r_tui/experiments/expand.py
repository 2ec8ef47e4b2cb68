"""Turns the tables of an experiments file into one flat list: defaults, `extends`, `sweep` and `seeds` applied.

Nothing is checked against the settings here, only the shape that this takes; every value remembers where it
was written, so that whoever finds it wrong can point there.
"""

from __future__ import annotations

import copy
import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from b4r_tui.experiments.names import SEEDS, labels_of, member_name
from b4r_tui.experiments.problem import KeyPath
from engine.problems import nearest

GROUPS = ("data", "model", "training", "evaluation", "launch")
OWN_KEYS = ("description", "extends", "sweep")
TOP_KEYS = ("defaults", "experiments")
MOST_RUNS = 10_000

Table = dict[str, Any]


@dataclass(frozen=True)
class Fault:
    """Something wrong with the shape of the file, at a key path of it."""

    path: KeyPath
    sentence: str


@dataclass
class Draft:
    """An experiment put together but not yet checked.

    base: the name it has in the file. settings: its groups. origins: where each setting was written, by its
    path inside the experiment; `tables` are those of them that hold further settings.
    """

    name: str
    base: str
    description: Any = ""
    settings: Table = field(default_factory=dict)
    origins: dict[KeyPath, KeyPath] = field(default_factory=dict)
    tables: set[KeyPath] = field(default_factory=set)

    def origin(self, path: KeyPath) -> KeyPath:
        """Where in the file the setting at `path` was written, or would be, as a part of this experiment."""
        if path in self.origins:
            return self.origins[path]
        for length in range(len(path) - 1, 0, -1):
            if path[:length] in self.origins and path[:length] not in self.tables:
                return self.origins[path[:length]] + path[length:]
        return ("experiments", self.base, *path)

    def lay(self, table: Table, source: KeyPath) -> None:
        """Lay the groups of `table`, written at `source`, over what is there."""
        self._merge(self.settings, {key: table[key] for key in GROUPS if key in table}, (), source)

    def put(self, path: tuple[str, ...], value: Any, source: KeyPath) -> None:
        """Set one setting, written at `source`."""
        table = self.settings
        for part in path[:-1]:
            table = _inner(table, part)
        table[path[-1]] = value
        self.origins[path] = source

    def _merge(self, below: Table, above: Table, path: KeyPath, source: KeyPath) -> None:
        """Merge `above` into `below`, tables key by key, everything else whole."""
        for key, value in above.items():
            here = (*path, key)
            self.origins[here] = (*source, key)
            if isinstance(value, dict):
                self.tables.add(here)
                self._merge(_inner(below, key), value, here, (*source, key))
            else:
                below[key] = copy.deepcopy(value)
                self.tables.discard(here)


def expand(document: Table) -> tuple[list[Draft], list[Fault]]:
    """All experiments of a file in its order, and what is wrong with its shape.

    Experiments with such a fault are left out of the list, so that nothing is said twice.
    """
    faults = list(_top_faults(document))
    tables = _tables(document.get("experiments"))
    defaults = document.get("defaults")
    drafts: list[Draft] = []
    for name, table in tables.items():
        faults += _own_faults(name, table)
        lineage, wrong = _lineage(name, tables)
        members: list[Draft] = []
        if not wrong:
            base = _assemble(lineage, tables, defaults if isinstance(defaults, dict) else {})
            members, wrong = _sweep(base, table.get("sweep"))
        drafts += members
        faults += wrong
    return drafts, list(dict.fromkeys([*faults, *_name_clashes(drafts)]))


def _top_faults(document: Table) -> Iterator[Fault]:
    for key in document:
        if key not in TOP_KEYS:
            yield Fault((key,), f"unknown table; {nearest(key, list(TOP_KEYS))}")
    defaults, experiments = document.get("defaults", {}), document.get("experiments", {})
    if isinstance(defaults, dict):
        for key in defaults:
            if key not in GROUPS:
                yield Fault(("defaults", key), f"unknown group; {nearest(key, list(GROUPS))}")
    else:
        yield Fault(("defaults",), "is not a table; write [defaults.training] and settings below it")
    if not isinstance(experiments, dict):
        yield Fault(("experiments",), "is not a table; write [experiments.NAME] and settings below it")
        return
    if not experiments:
        yield Fault((), "has no experiment; write [experiments.NAME] and settings below it")
    for name, table in experiments.items():
        if not isinstance(table, dict):
            yield Fault(("experiments", name), f"is not a table; write [experiments.{name}]")


def _tables(experiments: Any) -> dict[str, Table]:
    whole = experiments if isinstance(experiments, dict) else {}
    return {name: table for name, table in whole.items() if isinstance(table, dict)}


def _own_faults(name: str, table: Table) -> Iterator[Fault]:
    known = [*OWN_KEYS, *GROUPS]
    for key in table:
        if key not in known:
            yield Fault(("experiments", name, key), f"unknown key; {nearest(key, known)}")


def _lineage(name: str, tables: dict[str, Table]) -> tuple[list[str], list[Fault]]:
    """The experiment and its ancestors, youngest first; or the fault that keeps it from them."""
    lineage = [name]
    while "extends" in tables[lineage[-1]]:
        parent = tables[lineage[-1]]["extends"]
        at: KeyPath = ("experiments", lineage[-1], "extends")
        if not isinstance(parent, str):
            return lineage, [Fault(at, f"{parent!r} is not the name of an experiment in quotes")]
        if parent not in tables:
            others = [other for other in tables if other != lineage[-1]]
            return lineage, [Fault(at, f"no experiment '{parent}' in this file; {nearest(parent, others)}")]
        if parent in lineage:
            return lineage, [_circle(lineage[lineage.index(parent) :])]
        lineage.append(parent)
    return lineage, []


def _circle(members: list[str]) -> Fault:
    """The fault of a circle of parents, the same whichever member it was found from."""
    first = members.index(min(members))
    names = [*members[first:], *members[:first], members[first]]
    at: KeyPath = ("experiments", names[0], "extends")
    return Fault(at, f"goes in a circle ({' → '.join(names)}); take one `extends` away")


def _assemble(lineage: list[str], tables: dict[str, Table], defaults: Table) -> Draft:
    """Defaults first, then the oldest ancestor, then each younger one, then the experiment's own settings."""
    name = lineage[0]
    draft = Draft(name, name, tables[name].get("description", ""))
    draft.lay(defaults, ("defaults",))
    for ancestor in reversed(lineage):
        draft.lay(tables[ancestor], ("experiments", ancestor))
    return draft


def _sweep(base: Draft, sweep: Any) -> tuple[list[Draft], list[Fault]]:
    """One draft for each point of the grid; just `base` where there is no sweep."""
    if sweep is None:
        return [base], []
    at: KeyPath = ("experiments", base.base, "sweep")
    if not isinstance(sweep, dict) or not sweep:
        return [], [Fault(at, 'is not a table of lists; write "training.lr" = [0.001, 0.0003]')]
    axes = dict(_axes(sweep, ()))
    faults = [
        Fault((*at, *path), said) for path, values in axes.items() if (said := _axis_fault(path, values))
    ]
    if not faults and math.prod(len(values) for values in axes.values()) > MOST_RUNS:
        faults = [Fault(at, f"makes more than {MOST_RUNS:,} runs; sweep fewer values")]
    settings = [_setting(path) for path in axes]
    faults += [
        Fault((*at, *path), f"sweeps {'.'.join(setting)} a second time; keep one")
        for index, (path, setting) in enumerate(zip(axes, settings, strict=True))
        if setting in settings[:index]
    ]
    return ([], faults) if faults else (list(_grid(base, axes, at)), [])


def _axes(table: Table, above: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """The keys of a sweep, quoted ("training.lr") or not (training.lr), each with its list."""
    for key, value in table.items():
        path = (*above, key)
        if isinstance(value, dict):
            yield from _axes(value, path)
        else:
            yield path, value


def _axis_fault(path: tuple[str, ...], values: Any) -> str | None:
    setting = _setting(path)
    if len(setting) < 2 or setting[0] not in GROUPS:
        return 'unknown key; write a setting with its group, such as "training.lr", or seeds'
    if not isinstance(values, list):
        return f"{values!r} is not a list; write [{values!r}]"
    if not values:
        return "is an empty list; give it values or take it away"
    if len({repr(value) for value in values}) < len(values):
        return "lists a value twice; list each once"
    return None


def _setting(path: tuple[str, ...]) -> tuple[str, ...]:
    """The setting that a key of a sweep means; a key may be quoted whole, or dotted."""
    key = ".".join(path)
    return ("training", "seed") if key == SEEDS else tuple(key.split("."))


def _grid(base: Draft, axes: dict[tuple[str, ...], list[Any]], at: KeyPath) -> Iterator[Draft]:
    keys = [".".join(path) for path in axes]
    labels = labels_of(keys)
    for values in itertools.product(*axes.values()):
        member = copy.deepcopy(base)
        member.name = member_name(base.base, labels, dict(zip(keys, values, strict=True)))
        for path, value in zip(axes, values, strict=True):
            member.put(_setting(path), value, (*at, *path))
        yield member


def _inner(table: Table, key: str) -> Table:
    """The table at `key` of `table`, made where there is none."""
    if not isinstance(table.get(key), dict):
        table[key] = {}
    inner: Table = table[key]
    return inner


def _name_clashes(drafts: list[Draft]) -> Iterator[Fault]:
    by_name: dict[str, Draft] = {}
    for draft in drafts:
        other = by_name.setdefault(draft.name, draft)
        if other is not draft:
            yield Fault(
                ("experiments", draft.base),
                f"two experiments would be called '{draft.name}' (the other is of '{other.base}'); rename one",
            )
