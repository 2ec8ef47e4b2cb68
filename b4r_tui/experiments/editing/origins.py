"""Where each setting of an experiment comes from: its default, [defaults], an ancestor, or its own lines."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from enum import Enum
from typing import Any

from b4r_tui.experiments.expand import GROUPS, Draft, expand
from b4r_tui.experiments.settings import SETTINGS

DEFAULTS = "defaults"  # stands for the table of that name; no experiment


class Source(Enum):
    """Who says what a setting is."""

    DEFAULT = "default"
    DEFAULTS = "[defaults]"
    INHERITED = "inherited"
    HERE = "here"


@dataclass(frozen=True)
class Origin:
    """A setting's value and where it is written.

    experiment: the one it is inherited from. otherwise: what it would be without its line here, and from where.
    """

    source: Source
    value: Any
    experiment: str = ""
    otherwise: Origin | None = None

    @property
    def place(self) -> str:
        """Such as `default`, `[defaults]`, or the ancestor's name."""
        return self.experiment if self.source is Source.INHERITED else self.source.value


def origins(document: dict[str, Any], experiment: str | None) -> dict[str, Origin]:
    """Where every setting of an experiment comes from, by dotted key; None: of the table [defaults] itself.

    document: the values of the file. A sweep's values count as not set: they differ from run to run. Where
    `extends` leads nowhere, only the experiment's own lines and [defaults] count.
    """
    found = _without_here(document, experiment)
    own = _own(document, experiment)
    for key, origin in found.items():
        value = _inner(own, key)
        if value is not None:
            found[key] = Origin(Source.HERE, value, otherwise=origin)
    return found


def _without_here(document: dict[str, Any], experiment: str | None) -> dict[str, Origin]:
    found = {key: Origin(Source.DEFAULT, setting.default) for key, setting in SETTINGS.items()}
    if experiment is None:
        return found
    draft = _draft(document, experiment)
    for key in SETTINGS:
        value = _inner(draft.settings, key)
        if value is not None:
            found[key] = _written(draft.origin(tuple(key.split("."))), value)
    return found


def _written(at: tuple[str | int, ...], value: Any) -> Origin:
    if at[0] == "defaults":
        return Origin(Source.DEFAULTS, value)
    return Origin(Source.INHERITED, value, experiment=str(at[1]))


def _draft(document: dict[str, Any], experiment: str) -> Draft:
    """The experiment put together from all but its own settings."""
    bare = copy.deepcopy(document)
    tables = bare.get("experiments", {})
    for table in tables.values():
        if isinstance(table, dict):
            table.pop("sweep", None)
    for group in GROUPS:
        tables[experiment].pop(group, None)
    attempts: tuple[dict[str, Any], ...] = (tables, {experiment: {}})  # without ancestors where they are lost
    for attempt in attempts:
        drafts, _ = expand({**bare, "experiments": attempt})
        for draft in drafts:
            if draft.name == experiment:
                return draft
    return Draft(experiment, experiment)


def _own(document: dict[str, Any], experiment: str | None) -> Any:
    if experiment is None:
        return document.get("defaults", {})
    return document["experiments"][experiment]


def _inner(table: Any, key: str) -> Any:
    for part in key.split("."):
        table = table.get(part) if isinstance(table, dict) else None
    return table
