"""The content of each row of the form: its value, the origin of the value, and its error."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from b4r_tui.experiments.editing.analysis import CheckResult, ExperimentView
from b4r_tui.experiments.editing.origins import Origin, Source
from b4r_tui.experiments.editing.values import owner_path, to_input
from b4r_tui.experiments.file_problem import dotted
from b4r_tui.experiments.settings import SETTINGS, Setting
from b4r_tui.experiments.sweep.names import SEEDS

UNSET = "–"
SWEPT_HELP = "One run per value, and per combination with the other swept settings"
EXPERIMENT_SETTINGS = (
    Setting("description", "text", "", "Free-text description"),
    Setting("extends", "choice", "", "Experiment to inherit settings from"),
)


@dataclass(frozen=True)
class RowContent:
    """What a row shows. value: as form input. source: None for a swept value. note: a few words on the right."""

    value: str = ""
    source: Source | None = Source.DEFAULT
    note: str = ""
    error: str = ""

    @property
    def here(self) -> bool:
        """Return whether the value is set in this experiment."""
        return self.source is Source.HERE


def row_settings(view: ExperimentView) -> list[Setting]:
    """Return the settings that have a row, in order. [defaults] has no name and no sweep."""
    if view.name is None:
        return list(SETTINGS.values())
    return [*EXPERIMENT_SETTINGS, *SETTINGS.values(), *axis_rows(view), axis_row(SEEDS)]


def axis_rows(view: ExperimentView) -> list[Setting]:
    """Return the swept settings except for seeds, which always have a row."""
    return [axis_row(key) for key in view.axes if key != SEEDS]


def axis_row(key: str) -> Setting:
    """Return the pseudo-setting whose row holds the values of a sweep."""
    return Setting(f"sweep.{key}", "axis", None, "Seeds; one run per seed" if key == SEEDS else SWEPT_HELP)


def row_contents(view: ExperimentView, verdict: CheckResult) -> dict[str, RowContent]:
    """Return the content of every row by its key."""
    errors = _errors(view, verdict)
    swept = {"training.seed" if key == SEEDS else key: values for key, values in view.axes.items()}
    contents = {
        key: _content(origin, swept.get(key), errors.get(key, "")) for key, origin in view.settings.items()
    }
    if view.name is not None:
        for key, value in (("description", view.description), ("extends", view.extends)):
            source = Source.HERE if value else Source.DEFAULT
            contents[key] = RowContent(value, source, "", errors.get(key, ""))
        for key in [*view.axes, SEEDS]:
            values = view.axes.get(key)
            source = Source.DEFAULT if values is None else Source.HERE
            error = _error_within(errors, f"sweep.{key}")
            contents[f"sweep.{key}"] = RowContent(to_input(values), source, _count(values), error)
    return contents


def _content(origin: Origin, swept: Any, error: str) -> RowContent:
    if swept is not None:
        return RowContent(to_input(swept), None, "swept below", error)
    return RowContent(to_input(origin.value), origin.source, _note(origin), error)


def _note(origin: Origin) -> str:
    if origin.source is Source.HERE and origin.overridden:
        value = to_input(origin.overridden.value) or UNSET
        return f"default {value}" if origin.overridden.source is Source.DEFAULT else f"overrides {value}"
    return "" if origin.source is Source.DEFAULT else origin.place


def origin_sentence(origin: Origin) -> str:
    """Return a sentence on where a value comes from."""
    if origin.source is Source.HERE and origin.overridden:
        value = to_input(origin.overridden.value)
        if origin.overridden.source is Source.DEFAULT:
            return f"Overrides the default {value}." if value else "Set here; unset by default."
        return f"Overrides {value or 'nothing'} from {origin.overridden.place}."
    return "" if origin.source is Source.DEFAULT else f"From {origin.place}."


def _count(values: Any) -> str:
    if not isinstance(values, list):
        return ""
    return "1 value" if len(values) == 1 else f"{len(values)} values"


def _errors(view: ExperimentView, verdict: CheckResult) -> dict[str, str]:
    """Return the errors of this experiment's own and inherited settings by row key."""
    errors: dict[str, str] = {}
    keys = [".".join(setting.path) for setting in row_settings(view)]
    for problem in verdict.problems:
        for owner in _owners(view):
            inner = _relative_key(problem.key, owner)
            if inner:
                key = next((key for key in keys if inner == key or inner.startswith(f"{key}.")), inner)
                errors.setdefault(key.replace('"', ""), problem.sentence)
    return errors


def _owners(view: ExperimentView) -> list[tuple[str, ...]]:
    """Return the paths of the tables whose settings this view shows as its own or as inherited."""
    inherited = {
        owner_path(origin.experiment if origin.source is Source.INHERITED else None)
        for origin in view.settings.values()
        if origin.source in (Source.INHERITED, Source.DEFAULTS)
    }
    return [owner_path(view.name), *sorted(inherited)]


def _relative_key(key: str, owner: tuple[str, ...]) -> str:
    prefix = f"{dotted(owner)}."
    return key.removeprefix(prefix) if key.startswith(prefix) else ""


def _error_within(errors: Mapping[str, str], key: str) -> str:
    return next((error for at, error in errors.items() if at == key or at.startswith(f"{key}.")), "")
