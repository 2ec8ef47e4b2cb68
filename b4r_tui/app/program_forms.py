"""The programs that can be run on a finished run: their forms, and the options that the forms build.

The dialog, the progress line and the tab of outputs are made from this table.
"""

from __future__ import annotations

from argparse import ArgumentTypeError
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Generic, TypeVar

from b4r_tui.runs.programs import evaluate, export_model, fairness, recommend
from b4r_tui.runs.programs.progress import OnProgress
from b4r_tui.runs.store import Run
from engine.contract import run_folder
from engine.contract.errors import B4RError
from engine.contract.options.evaluate import EvaluateOptions
from engine.contract.options.export_model import FORMATS, ModelExport
from engine.contract.options.fairness import FairnessOptions, parse_samples
from engine.contract.options.recommend import RecommendOptions, checked, parse_count, parse_history

Options = TypeVar("Options")


@dataclass(frozen=True)
class FormField:
    """A line of a form. key: the field of the options that it sets. An empty line leaves the default of the options.

    parse: the value of a text, as the command line parses it. choices: if there are only a few values.
    """

    key: str
    label: str
    default: str = ""
    help: str = ""
    parse: Callable[[str], Any] = str
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Program(Generic[Options]):
    """A program of the engine. make: its options from the values of the form. run: the call; returns the result's file.

    Both raise B4RError.
    """

    name: str
    title: str
    about: str
    fields: tuple[FormField, ...]
    make: Callable[..., Options]
    run: Callable[[Run, Options, OnProgress], Path]

    def call(self, texts: Mapping[str, str]) -> Call:
        """Return the call that a filled form asks for. texts: by key. Raises B4RError if one is not valid."""
        values = {
            field.key: _parsed(field, texts.get(field.key, field.default).strip()) for field in self.fields
        }
        options = self.make(**{key: value for key, value in values.items() if value is not None})
        return Call(self, lambda run, on_progress: self.run(run, options, on_progress))


@dataclass(frozen=True)
class Call:
    """A program with its options. start: runs it to its end on a run; returns the result's file. Raises B4RError."""

    program: Program[Any]
    start: Callable[[Run, OnProgress], Path]


def _parsed(field: FormField, text: str) -> Any:
    """Return the value of a text, None if it is empty. Raises B4RError."""
    try:
        return field.parse(text) if text else None
    except ArgumentTypeError as error:
        raise B4RError(f"{field.label}: {error}") from error


def _words(text: str) -> tuple[str, ...]:
    """Split at blanks and commas, and drop repeated words."""
    return tuple(dict.fromkeys(text.replace(",", " ").split()))


def _some_users(**values: Any) -> RecommendOptions:
    return checked(RecommendOptions(**values))


def _all_users(**values: Any) -> RecommendOptions:
    return checked(RecommendOptions(everyone=True, **values))


def _recommend_to_file(run: Run, options: RecommendOptions, on_progress: OnProgress) -> Path:
    folder = run.dir / run_folder.RECOMMENDATIONS
    folder.mkdir(mode=0o700, exist_ok=True)
    return recommend.start(run, replace(options, out=str(folder / (options.out or ""))), on_progress)


PTH = FormField("pth", "checkpoint", "best", "best, last, epoch_3_model.pth or a path")
COUNT = FormField("k", "items", "10", "items per list", parse_count)
PROGRAMS: tuple[Program[Any], ...] = (
    Program(
        "evaluate",
        "Evaluate",
        "Re-evaluate a checkpoint on its own or other data",
        (
            PTH,
            FormField("dataset_path", "other data", "", "file or folder, same format"),
            FormField("protocols", "protocols", "", "full popular-100 …; empty = same as training", _words),
            FormField("j", "processes", "", "1x2; empty = same as training"),
        ),
        EvaluateOptions,
        evaluate.start,
    ),
    Program(
        "fairness",
        "Fairness",
        "Joint multisided exposure fairness, from full rankings",
        (
            PTH,
            FormField("users", "user groups", "", "gender, age, occupation, popularity, or a csv"),
            FormField("items", "item groups", "", "genre, popularity, or a csv"),
            FormField(
                "samples", "samples", "100", "sampled rankings per user and temperature", parse_samples
            ),
        ),
        FairnessOptions,
        fairness.start,
    ),
    Program(
        "recommend",
        "Recommend",
        "Top unseen items for some users, or for a given history",
        (
            FormField("users", "users", "", "user IDs, space-separated; or give a history", _words),
            FormField("history", "history", "", "comma-separated item IDs, most recent last", parse_history),
            COUNT,
            PTH,
        ),
        _some_users,
        recommend.start,
    ),
    Program(
        "recommend-all",
        "Recommend for all users (write a file)",
        "One list per user of the data, in one parquet file",
        (
            FormField("out", "file", "all_users.parquet", "in the run's recommendations/, or a path"),
            COUNT,
            PTH,
        ),
        _all_users,
        _recommend_to_file,
    ),
    Program(
        "export-model",
        "Export",
        "One model file for other programs, verified against the checkpoint",
        (FormField("format", "format", "pth", choices=FORMATS), PTH),
        ModelExport,
        export_model.start,
    ),
)
