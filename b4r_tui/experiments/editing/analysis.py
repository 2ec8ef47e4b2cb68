"""What the editor shows of a text: its experiments, the values of one with their origins, and what is wrong.

All of it is made in a worker thread; the screen only receives it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from b4r_tui.experiments.editing.layout import parsed
from b4r_tui.experiments.editing.origins import Origin, origins
from b4r_tui.experiments.expand import expand
from b4r_tui.experiments.file_problem import ExperimentFileError, FileProblem, KeyPath
from engine.contract.errors import B4RError

if TYPE_CHECKING:
    from b4r_tui.experiments.sweep_points import Sweep


@dataclass(frozen=True)
class View:
    """One experiment, or the table [defaults] (name None), of a text that is valid TOML.

    axes: what is swept, by its key as written. lines: where keys stand, counted from 1.
    """

    names: tuple[str, ...]
    name: str | None
    settings: dict[str, Origin]
    description: str = ""
    extends: str = ""
    axes: dict[str, Any] = field(default_factory=dict)
    lines: dict[KeyPath, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Verdict:
    """What is wrong with a text, and how many runs the shown experiment makes (0 where that can't be told).

    sweep: that of the shown experiment, if it has one and nothing is wrong. outlook: what driving it would take.
    """

    problems: tuple[FileProblem, ...] = ()
    runs: int = 0
    sweep: Sweep | None = None
    outlook: str = ""


def view_of(text: str, wanted: str | None) -> View:
    """The values to show, of `wanted`, of the experiment whose sweep makes it, or of the first. Raises B4RError."""
    from b4r_tui.experiments.locate import lines_of

    document = parsed(text)
    written = document.get("experiments")
    whole = written if isinstance(written, dict) else {}
    tables = {name: table for name, table in whole.items() if isinstance(table, dict)}
    document = {**document, "experiments": tables}
    if not _is(document.get("defaults", {})):
        document["defaults"] = {}
    name = wanted if wanted is None else _nearest(wanted, list(tables))
    own = tables[name] if name is not None else {}
    said = {key: str(own[key]) if key in own else "" for key in ("description", "extends")}
    axes = _axes(own["sweep"]) if _is(own.get("sweep")) else {}
    return View(tuple(tables), name, origins(document, name), **said, axes=axes, lines=lines_of(text))


def judge(path: Path, text: str, name: str | None) -> Verdict:
    """Check a text as a launch would, data and machine included."""
    from b4r_tui.experiments.load import load_text

    try:
        sweeps = load_text(path, text).sweeps
        return Verdict((), _runs(text, name), sweeps.get(name or ""))
    except ExperimentFileError as error:
        return Verdict(tuple(error.problems), _runs(text, name))
    except B4RError as error:
        return Verdict((FileProblem(path, None, "", error.sentence),), _runs(text, name))


def _nearest(wanted: str, names: list[str]) -> str | None:
    """The name itself, the longest that it begins with, as a sweep's members do, or the first."""
    beginning = [name for name in names if wanted.startswith(f"{name}-")]
    return wanted if wanted in names else max(beginning, key=len, default=next(iter(names), None))


def _runs(text: str, name: str | None) -> int:
    try:
        drafts, _ = expand(parsed(text))
    except B4RError:
        return 0
    return sum(draft.base == name for draft in drafts)


def _axes(table: dict[str, Any], above: str = "") -> dict[str, Any]:
    axes: dict[str, Any] = {}
    for key, value in table.items():
        axes |= _axes(value, f"{above}{key}.") if _is(value) else {above + key: value}
    return axes


def _is(table: Any) -> bool:
    return isinstance(table, dict)
