"""Analyses a text for the editor: its experiments, the settings of one with their origins, and its problems.

Both functions are slow enough to be called in a thread.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from b4r_tui.experiments.editing.layout import parse_toml
from b4r_tui.experiments.editing.origins import Origin, origins
from b4r_tui.experiments.expand import expand
from b4r_tui.experiments.file_problem import ExperimentFileError, FileProblem, KeyPath
from engine.contract.errors import B4RError

if TYPE_CHECKING:
    from b4r_tui.experiments.sweep_points import Sweep


@dataclass(frozen=True)
class ExperimentView:
    """One experiment, or the table [defaults] (name None), of a valid TOML text.

    axes: the values of each swept setting, by its key as written. lines: the line of each key, from 1.
    """

    names: tuple[str, ...]
    name: str | None
    settings: dict[str, Origin]
    description: str = ""
    extends: str = ""
    axes: dict[str, Any] = field(default_factory=dict)
    lines: dict[KeyPath, int] = field(default_factory=dict)


@dataclass(frozen=True)
class CheckResult:
    """The problems of a text, and how many runs the shown experiment makes (0 if unknown).

    sweep: that of the shown experiment, if it has one and the text is valid. preview: how many runs the sweep starts
    and how long they take.
    """

    problems: tuple[FileProblem, ...] = ()
    runs: int = 0
    sweep: Sweep | None = None
    preview: str = ""


def parse_view(text: str, wanted: str | None) -> ExperimentView:
    """Return the view of `wanted`, else of the experiment whose sweep generates it, else of the first experiment.

    wanted: None for [defaults]. Raises B4RError if the text is not valid TOML.
    """
    from b4r_tui.experiments.locate import lines_of

    document = parse_toml(text)
    experiments = document.get("experiments")
    if not isinstance(experiments, dict):
        experiments = {}
    tables = {name: table for name, table in experiments.items() if isinstance(table, dict)}
    document = {**document, "experiments": tables}
    if not isinstance(document.get("defaults", {}), dict):
        document["defaults"] = {}
    name = wanted if wanted is None else _nearest(wanted, list(tables))
    own = tables[name] if name is not None else {}
    texts = {key: str(own[key]) if key in own else "" for key in ("description", "extends")}
    axes = _axes(own["sweep"]) if isinstance(own.get("sweep"), dict) else {}
    return ExperimentView(
        tuple(tables), name, origins(document, name), **texts, axes=axes, lines=lines_of(text)
    )


def check_text(path: Path, text: str, name: str | None) -> CheckResult:
    """Check a text as a launch would, including data and machine."""
    from b4r_tui.experiments.load import load_text

    try:
        sweeps = load_text(path, text).sweeps
        return CheckResult((), _runs(text, name), sweeps.get(name or ""))
    except ExperimentFileError as error:
        return CheckResult(tuple(error.problems), _runs(text, name))
    except B4RError as error:
        return CheckResult((FileProblem(path, None, "", error.sentence),), _runs(text, name))


def _nearest(wanted: str, names: list[str]) -> str | None:
    """Return the name itself, else the longest that is a prefix of it, as in a run of a sweep, else the first."""
    prefixes = [name for name in names if wanted.startswith(f"{name}-")]
    return wanted if wanted in names else max(prefixes, key=len, default=next(iter(names), None))


def _runs(text: str, name: str | None) -> int:
    try:
        drafts, _ = expand(parse_toml(text))
    except B4RError:
        return 0
    return sum(draft.base == name for draft in drafts)


def _axes(table: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    axes: dict[str, Any] = {}
    for key, value in table.items():
        axes |= _axes(value, f"{prefix}{key}.") if isinstance(value, dict) else {prefix + key: value}
    return axes
