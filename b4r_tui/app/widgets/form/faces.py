"""What a row of the form says: its value, where that comes from, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from b4r_tui.experiments.editing.analysis import Verdict, View
from b4r_tui.experiments.editing.origins import Origin, Source
from b4r_tui.experiments.editing.values import owner_path, typed
from b4r_tui.experiments.file_problem import dotted
from b4r_tui.experiments.settings import SETTINGS, Setting
from b4r_tui.experiments.sweep.names import SEEDS

UNSET = "–"
SWEPT_HELP = "One run for each value, and for each combination with the others that are swept"
OWN = (
    Setting("description", "text", "", "A line for people"),
    Setting("extends", "choice", "", "Experiment whose settings are taken over first"),
)


@dataclass(frozen=True)
class Face:
    """value: as it would be typed. source: of the value; None for a swept one. note: a few words on the right."""

    value: str = ""
    source: Source | None = Source.DEFAULT
    note: str = ""
    error: str = ""

    @property
    def here(self) -> bool:
        """Whether it is written in this experiment."""
        return self.source is Source.HERE


def rows_of(view: View) -> list[Setting]:
    """The rows of the form for a view, in order. [defaults] has no name and no sweep."""
    if view.name is None:
        return list(SETTINGS.values())
    return [*OWN, *SETTINGS.values(), *axes_of(view), axis(SEEDS)]


def axes_of(view: View) -> list[Setting]:
    """The rows of what is swept, but for seeds, which always has one."""
    return [axis(key) for key in view.axes if key != SEEDS]


def axis(key: str) -> Setting:
    """The row of a swept setting."""
    return Setting(f"sweep.{key}", "axis", None, "Seeds; one run for each" if key == SEEDS else SWEPT_HELP)


def faces_of(view: View, verdict: Verdict) -> dict[str, Face]:
    """What every row says, by its key."""
    errors = _errors(view, verdict)
    swept = {"training.seed" if key == SEEDS else key: values for key, values in view.axes.items()}
    faces = {key: _face(origin, swept.get(key), errors.get(key, "")) for key, origin in view.settings.items()}
    if view.name is not None:
        for key, value in (("description", view.description), ("extends", view.extends)):
            source = Source.HERE if value else Source.DEFAULT
            faces[key] = Face(value, source, "", errors.get(key, ""))
        for key in [*view.axes, SEEDS]:
            values = view.axes.get(key)
            source = Source.DEFAULT if values is None else Source.HERE
            faces[f"sweep.{key}"] = Face(
                typed(values), source, _count(values), _below(errors, f"sweep.{key}")
            )
    return faces


def _face(origin: Origin, swept: Any, error: str) -> Face:
    if swept is not None:
        return Face(typed(swept), None, "swept below", error)
    return Face(typed(origin.value), origin.source, _note(origin), error)


def _note(origin: Origin) -> str:
    if origin.source is Source.HERE and origin.otherwise:
        was = typed(origin.otherwise.value) or UNSET
        return f"default {was}" if origin.otherwise.source is Source.DEFAULT else f"else {was}"
    return "" if origin.source is Source.DEFAULT else origin.place


def story(origin: Origin) -> str:
    """Where a value comes from, in words."""
    if origin.source is Source.HERE and origin.otherwise:
        was = typed(origin.otherwise.value) or "not set"
        return f"Set here; without it {was}, from {origin.otherwise.place}."
    return "" if origin.source is Source.DEFAULT else f"From {origin.place}."


def _count(values: Any) -> str:
    if not isinstance(values, list):
        return ""
    return "1 value" if len(values) == 1 else f"{len(values)} values"


def _errors(view: View, verdict: Verdict) -> dict[str, str]:
    """Sentences by the keys of rows: those written in this experiment, and those it takes over."""
    found: dict[str, str] = {}
    keys = [".".join(setting.path) for setting in rows_of(view)]
    for problem in verdict.problems:
        for owner in _owners(view):
            inner = _inside(problem.key, owner)
            if inner:
                key = next((key for key in keys if inner == key or inner.startswith(f"{key}.")), inner)
                found.setdefault(key.replace('"', ""), problem.sentence)
    return found


def _owners(view: View) -> list[tuple[str, ...]]:
    """The tables whose settings this view shows as its own or as taken over."""
    inherited = {
        owner_path(origin.experiment if origin.source is Source.INHERITED else None)
        for origin in view.settings.values()
        if origin.source in (Source.INHERITED, Source.DEFAULTS)
    }
    return [owner_path(view.name), *sorted(inherited)]


def _inside(key: str, owner: tuple[str, ...]) -> str:
    above = f"{dotted(owner)}."
    return key.removeprefix(above) if key.startswith(above) else ""


def _below(errors: Mapping[str, str], key: str) -> str:
    return next((said for at, said in errors.items() if at == key or at.startswith(f"{key}.")), "")
