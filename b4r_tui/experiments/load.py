"""Reads an experiments file, checked and expanded, or refuses it with all its problems."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import tomli
from pydantic import ValidationError

from b4r_tui.experiments.checks import problems_here
from b4r_tui.experiments.draft import Draft, KeyProblem
from b4r_tui.experiments.expand import expand
from b4r_tui.experiments.file_problem import ExperimentFileError, FileProblem, KeyPath, dotted
from b4r_tui.experiments.sweep_points import Sweep, experiment_of, sweeps_of
from engine.contract.config.experiment import Experiment
from engine.contract.config.validation import nearest, problems_of
from engine.contract.errors import B4RError, ExitCode

__all__ = ["ExperimentFile", "ExperimentFileError", "FileProblem", "load_experiments"]

LARGEST_FILE = 16 * 1024 * 1024  # bytes


@dataclass(frozen=True)
class ExperimentFile:
    """An experiments file, resolved: inheritance applied, sweeps expanded, paths absolute.

    An Optuna search is represented by its base experiment, since its points are not known yet.
    """

    path: Path
    experiments: list[Experiment]
    sweeps: dict[str, Sweep] = field(default_factory=dict)

    def runnable(self) -> list[Experiment]:
        """Return the experiments if all can be started directly. Raises B4RError, which names an Optuna search."""
        for name, sweep in self.sweeps.items():
            if sweep.plan.options.method == "optuna":
                raise B4RError(
                    f"{self.path}: Optuna chooses the points of '{name}' while it runs; use "
                    f"b4r-tui sweep {self.path} --only {name}, or select others with --only"
                )
        return self.experiments

    def named(self, name: str) -> Experiment:
        """Return the experiment of that name. Raises B4RError, which suggests the closest name."""
        for experiment in self.experiments:
            if experiment.name == name:
                return experiment
        known = [experiment.name for experiment in self.experiments]
        raise B4RError(f"{self.path}: no experiment '{name}'; {nearest(name, known)}")


def load_experiments(path: Path, only: Sequence[str] = ()) -> ExperimentFile:
    """Return the experiments of a file; with `only`, those of these names (the name of a sweep selects all of it).

    All settings in the file are checked; data, files and the machine only for the chosen experiments. Raises
    ExperimentFileError with all problems, B4RError if a name in `only` is unknown.
    """
    return load_text(path, _read(path), only)


def load_text(path: Path, text: str, only: Sequence[str] = ()) -> ExperimentFile:
    """Do the same for a text that belongs to `path`, saved or not."""
    drafts, faults = expand(_parse(path, text))
    checked = [(draft, *_checked(draft, path)) for draft in drafts]
    faulty = _by_fault([*_plain(faults), *(problem for *_, problems in checked for problem in problems)])
    if faulty:
        raise ExperimentFileError(_located(path, text, faulty))
    chosen = _chosen(path, [(draft, experiment) for draft, experiment, _ in checked if experiment], only)
    faulty = _by_fault(
        problem for draft, experiment in chosen for problem in _problems_here(draft, experiment)
    )
    if faulty:
        raise ExperimentFileError(_located(path, text, faulty))
    experiments = [experiment for draft, experiment in chosen if not draft.tried]
    return ExperimentFile(path, experiments, sweeps_of(chosen, path.parent))


_WithCode = tuple[KeyProblem, ExitCode]


def _read(path: Path) -> str:
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise _file_problem(
                path, f"is larger than {LARGEST_FILE // 2**20} MiB; is it an experiments file?"
            )
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise _file_problem(path, "is not UTF-8 text; save it as UTF-8", line) from error
    except IsADirectoryError as error:
        raise _file_problem(path, "is a folder; name an experiments file in it") from error
    except FileNotFoundError as error:
        raise _file_problem(path, "no such file; name an experiments file with -f or --run") from error
    except (OSError, ValueError) as error:
        raise _file_problem(path, f"cannot be read: {getattr(error, 'strerror', None) or error}") from error


def _parse(path: Path, text: str) -> dict[str, Any]:
    try:
        return tomli.loads(text)
    except tomli.TOMLDecodeError as error:
        reason = error.msg[:1].lower() + error.msg[1:]
        raise _file_problem(path, f"not valid TOML: {reason} (column {error.colno})", error.lineno) from error
    except RecursionError as error:
        raise _file_problem(path, "not valid TOML: lists or tables are nested too deep") from error


def _file_problem(path: Path, sentence: str, line: int | None = None) -> ExperimentFileError:
    return ExperimentFileError([FileProblem(path, line, "", sentence)])


def _checked(draft: Draft, path: Path) -> tuple[Experiment | None, list[_WithCode]]:
    """Return the draft as an experiment, or the problems of its settings."""
    try:
        return experiment_of(draft, path.parent), []
    except ValidationError as error:
        problems = problems_of(error, Experiment)
        return None, [
            (_fault(draft, problem.key, problem.sentence), ExitCode.BAD_INPUT) for problem in problems
        ]


def _problems_here(draft: Draft, experiment: Experiment) -> list[_WithCode]:
    """Return what prevents the experiment from running on this machine."""
    return [(_fault(draft, each.key, each.sentence), each.code) for each in problems_here(experiment)]


def _fault(draft: Draft, key: str, sentence: str) -> KeyProblem:
    parts: KeyPath = tuple(int(part) if part.isdecimal() else part for part in key.split("."))
    return KeyProblem(("experiments", draft.base) if key == "name" else draft.origin(parts), sentence)


def _plain(faults: Iterable[KeyProblem]) -> list[_WithCode]:
    return [(fault, ExitCode.BAD_INPUT) for fault in faults]


def _by_fault(problems: Iterable[_WithCode]) -> dict[KeyProblem, ExitCode]:
    """Return each problem once, although all experiments that inherit it have it."""
    return dict(problems)


def _located(path: Path, text: str, faulty: dict[KeyProblem, ExitCode]) -> list[FileProblem]:
    from b4r_tui.experiments.locate import line_of, lines_of  # only errors need a second parser

    lines = lines_of(text)
    return [
        FileProblem(path, line_of(lines, fault.path), dotted(fault.path), fault.sentence, code)
        for fault, code in faulty.items()
    ]


def _chosen(
    path: Path, experiments: list[tuple[Draft, Experiment]], only: Sequence[str]
) -> list[tuple[Draft, Experiment]]:
    """Return the experiments that `only` names in the order of the file; all if it is empty."""
    known = [
        name for draft, experiment in experiments for name in dict.fromkeys((draft.base, experiment.name))
    ]
    for name in only:
        if name not in known:
            raise B4RError(f"{path}: no experiment '{name}'; {nearest(name, known)}")
    return [pair for pair in experiments if not only or pair[0].base in only or pair[1].name in only]
