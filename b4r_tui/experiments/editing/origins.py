"""The origin of each setting of an experiment: its default, [defaults], an ancestor, or the experiment itself."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from enum import Enum
from typing import Any

from b4r_tui.experiments.expand import GROUPS, Draft, expand
from b4r_tui.experiments.settings import SETTINGS


class Source(Enum):
    """What determines the value of a setting."""

    DEFAULT = "default"
    DEFAULTS = "[defaults]"
    INHERITED = "inherited"
    HERE = "here"


@dataclass(frozen=True)
class Origin:
    """A setting's value and where it is set.

    experiment: the ancestor it is inherited from. overridden: the origin it would have if it were not set here.
    """

    source: Source
    value: Any
    experiment: str = ""
    overridden: Origin | None = None

    @property
    def place(self) -> str:
        """Return `default`, `[defaults]`, `here`, or the ancestor's name."""
        return self.experiment if self.source is Source.INHERITED else self.source.value


def origins(document: dict[str, Any], experiment: str | None) -> dict[str, Origin]:
    """Return the origin of every setting of an experiment by dotted key. experiment: None for [defaults] itself.

    document: the values of the file. A sweep's values count as not set because they differ between runs. If
    `extends` is invalid, only the experiment's own settings and [defaults] count.
    """
    result = _inherited(document, experiment)
    own = _own(document, experiment)
    for key, origin in result.items():
        value = _inner(own, key)
        if value is not None:
            result[key] = Origin(Source.HERE, value, overridden=origin)
    return result


def _inherited(document: dict[str, Any], experiment: str | None) -> dict[str, Origin]:
    result = {key: Origin(Source.DEFAULT, setting.default) for key, setting in SETTINGS.items()}
    if experiment is None:
        return result
    draft = _draft(document, experiment)
    for key in SETTINGS:
        value = _inner(draft.settings, key)
        if value is not None:
            result[key] = _origin_at(draft.origin(tuple(key.split("."))), value)
    return result


def _origin_at(at: tuple[str | int, ...], value: Any) -> Origin:
    if at[0] == "defaults":
        return Origin(Source.DEFAULTS, value)
    return Origin(Source.INHERITED, value, experiment=str(at[1]))


def _draft(document: dict[str, Any], experiment: str) -> Draft:
    """Return the experiment as resolved without its own settings."""
    bare = copy.deepcopy(document)
    tables = bare.get("experiments", {})
    for table in tables.values():
        if isinstance(table, dict):
            table.pop("sweep", None)
    for group in GROUPS:
        tables[experiment].pop(group, None)
    attempts: tuple[dict[str, Any], ...] = (
        tables,
        {experiment: {}},
    )  # without ancestors if `extends` is invalid
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
