"""Turns the tables of an experiments file into one flat list: defaults, `extends`, `sweep` and `seeds` applied.

Only the structure of the file is checked here, not its settings; each value remembers where it was written, so that a
later check can point there.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from b4r_tui.experiments.draft import GROUPS, Draft, KeyProblem, Table
from b4r_tui.experiments.file_problem import KeyPath
from b4r_tui.experiments.sweep_members import swept
from engine.contract.config.validation import nearest

OWN_KEYS = ("description", "extends", "sweep")
TOP_KEYS = ("defaults", "experiments")


def expand(document: Table) -> tuple[list[Draft], list[KeyProblem]]:
    """Return all experiments of a file in order, and the problems of its structure.

    Experiments with such a problem are not in the list, so that nothing is reported twice.
    """
    problems = list(_top_problems(document))
    tables = _tables(document.get("experiments"))
    defaults = document.get("defaults")
    drafts: list[Draft] = []
    for name, table in tables.items():
        problems += _own_problems(name, table)
        lineage, wrong = _lineage(name, tables)
        members: list[Draft] = []
        if not wrong:
            base = _assemble(lineage, tables, defaults if isinstance(defaults, dict) else {})
            members, wrong = swept(base, table.get("sweep"))
        drafts += members
        problems += wrong
    return drafts, list(dict.fromkeys([*problems, *_name_clashes(drafts)]))


def _top_problems(document: Table) -> Iterator[KeyProblem]:
    for key in document:
        if key not in TOP_KEYS:
            yield KeyProblem((key,), f"unknown table; {nearest(key, list(TOP_KEYS))}")
    defaults, experiments = document.get("defaults", {}), document.get("experiments", {})
    if isinstance(defaults, dict):
        for key in defaults:
            if key not in GROUPS:
                yield KeyProblem(("defaults", key), f"unknown group; {nearest(key, list(GROUPS))}")
    else:
        yield KeyProblem(("defaults",), "is not a table; write [defaults.training] with settings below it")
    if not isinstance(experiments, dict):
        yield KeyProblem(("experiments",), "is not a table; write [experiments.NAME] with settings below it")
        return
    if not experiments:
        yield KeyProblem((), "has no experiment; write [experiments.NAME] with settings below it")
    for name, table in experiments.items():
        if not isinstance(table, dict):
            yield KeyProblem(("experiments", name), f"is not a table; write [experiments.{name}]")


def _tables(experiments: Any) -> dict[str, Table]:
    named = experiments if isinstance(experiments, dict) else {}
    return {name: table for name, table in named.items() if isinstance(table, dict)}


def _own_problems(name: str, table: Table) -> Iterator[KeyProblem]:
    known = [*OWN_KEYS, *GROUPS]
    for key, value in table.items():
        if key in known:
            continue
        if isinstance(value, dict) and value.keys() & set(
            known
        ):  # an experiment by itself: the dot split its name
            fix = f'a dot in a table name starts a sub-table; quote it: [experiments."{name}.{key}"]'
        else:
            fix = nearest(key, known)
        yield KeyProblem(("experiments", name, key), f"unknown key; {fix}")


def _lineage(name: str, tables: dict[str, Table]) -> tuple[list[str], list[KeyProblem]]:
    """Return the experiment and its ancestors, youngest first; or the problem that prevents it."""
    lineage = [name]
    while "extends" in tables[lineage[-1]]:
        parent = tables[lineage[-1]]["extends"]
        at: KeyPath = ("experiments", lineage[-1], "extends")
        if not isinstance(parent, str):
            return lineage, [KeyProblem(at, f"{parent!r} is not the name of an experiment in quotes")]
        if parent not in tables:
            others = [other for other in tables if other != lineage[-1]]
            return lineage, [
                KeyProblem(at, f"no experiment '{parent}' in this file; {nearest(parent, others)}")
            ]
        if parent in lineage:
            return lineage, [_circle(lineage[lineage.index(parent) :])]
        lineage.append(parent)
    return lineage, []


def _circle(members: list[str]) -> KeyProblem:
    """Return the problem of a circle of parents, the same from whichever member it was reached."""
    first = members.index(min(members))
    names = [*members[first:], *members[:first], members[first]]
    at: KeyPath = ("experiments", names[0], "extends")
    return KeyProblem(at, f"is circular ({' → '.join(names)}); remove one `extends`")


def _assemble(lineage: list[str], tables: dict[str, Table], defaults: Table) -> Draft:
    """Apply the defaults, then the ancestors from oldest to youngest, then the experiment's own settings."""
    name = lineage[0]
    draft = Draft(name, name, tables[name].get("description", ""))
    draft.overlay(defaults, ("defaults",))
    for ancestor in reversed(lineage):
        draft.overlay(tables[ancestor], ("experiments", ancestor))
    return draft


def _name_clashes(drafts: list[Draft]) -> Iterator[KeyProblem]:
    by_name: dict[str, Draft] = {}
    for draft in drafts:
        if draft.tried:
            continue
        other = by_name.setdefault(draft.name, draft)
        if other is not draft:
            yield KeyProblem(
                ("experiments", draft.base),
                f"two experiments would be named '{draft.name}' (the other one comes from '{other.base}'); rename one",
            )
