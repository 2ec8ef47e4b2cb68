"""Turns the tables of an experiments file into one flat list: defaults, `extends`, `sweep` and `seeds` applied.

Nothing is checked against the settings here, only the shape that this takes; every value remembers where it
was written, so that whoever finds it wrong can point there.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from b4r_tui.experiments.draft import GROUPS, Draft, Fault, Table
from b4r_tui.experiments.file_problem import KeyPath
from b4r_tui.experiments.sweep_members import swept
from engine.contract.config.validation import nearest

OWN_KEYS = ("description", "extends", "sweep")
TOP_KEYS = ("defaults", "experiments")


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
            members, wrong = swept(base, table.get("sweep"))
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


def _name_clashes(drafts: list[Draft]) -> Iterator[Fault]:
    by_name: dict[str, Draft] = {}
    for draft in drafts:
        if draft.tried:
            continue
        other = by_name.setdefault(draft.name, draft)
        if other is not draft:
            yield Fault(
                ("experiments", draft.base),
                f"two experiments would be called '{draft.name}' (the other is of '{other.base}'); rename one",
            )
