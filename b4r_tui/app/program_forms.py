"""What can be done with a finished run, as one table: the form of each action, and the call that does it.

The app's dialog, its progress line and its tab are made from this table.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NoReturn

from b4r_tui.runs.programs.progress import OnProgress
from b4r_tui.runs.store import Run
from engine.contract import run_folder
from engine.contract.errors import B4RError

Values = dict[str, str]


@dataclass(frozen=True)
class Field:
    """A line of a form. argument: of the command, such as `--pth`; choices: where there are just a few."""

    argument: str
    label: str
    default: str = ""
    hint: str = ""
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Action:
    """Something to do with a finished run.

    start: does it with the arguments that the command would get, tells steps, and gives the path of the result.
    Raises B4RError.
    """

    name: str
    title: str
    about: str
    fields: tuple[Field, ...]
    start: Callable[[Run, Sequence[str], OnProgress], Path]

    def arguments(self, values: Values) -> list[str]:
        """What the form says as arguments of the command; empty fields are left to their defaults."""
        filled = [
            (field.argument, values.get(field.argument, field.default).strip()) for field in self.fields
        ]
        return [part for argument, value in filled if value for part in _argument(argument, value)]


def _argument(argument: str, value: str) -> list[str]:
    """--user and --protocols take several, apart by blanks or commas."""
    if argument == "--protocols":
        return [argument, *value.replace(",", " ").split()]
    values = value.replace(",", " ").split() if argument == "--user" else [value]
    return [f"{argument}={one}" for one in values]


def _parsed(
    add_options: Callable[[argparse.ArgumentParser], None], arguments: Sequence[str]
) -> argparse.Namespace:
    parser = _Parser(add_help=False, allow_abbrev=False)
    add_options(parser)
    return parser.parse_args(arguments)


class _Parser(argparse.ArgumentParser):
    """Tells what is wrong instead of ending the app."""

    def error(self, message: str) -> NoReturn:
        raise B4RError(message)


def _evaluate(run: Run, arguments: Sequence[str], on_progress: OnProgress) -> Path:
    from b4r_tui.runs.programs.evaluate import start
    from engine.contract.options.evaluate import add_options, options_of

    return start(run, options_of(_parsed(add_options, arguments)), on_progress)


def _fairness(run: Run, arguments: Sequence[str], on_progress: OnProgress) -> Path:
    from b4r_tui.runs.programs.fairness import start
    from engine.contract.options.fairness import add_options, options_of

    return start(run, options_of(_parsed(add_options, arguments)), on_progress)


def _recommend(run: Run, arguments: Sequence[str], on_progress: OnProgress) -> Path:
    from b4r_tui.runs.programs.recommend import start
    from engine.contract.options.recommend import add_options, options_of

    return start(run, options_of(_parsed(add_options, arguments)), on_progress)


def _recommend_all(run: Run, arguments: Sequence[str], on_progress: OnProgress) -> Path:
    from b4r_tui.runs.programs.recommend import start
    from engine.contract.options.recommend import add_options, options_of

    options = options_of(_parsed(add_options, ["--all", *arguments]))
    folder = run.dir / run_folder.RECOMMENDATIONS
    folder.mkdir(mode=0o700, exist_ok=True)
    return start(run, replace(options, out=str(folder / (options.out or ""))), on_progress)


def _export(run: Run, arguments: Sequence[str], on_progress: OnProgress) -> Path:
    from b4r_tui.runs.programs.export_model import start
    from engine.contract.options.export_model import add_options, options_of

    return start(run, options_of(_parsed(add_options, arguments)), on_progress)


PTH = Field("--pth", "checkpoint", "best", "best, last, epoch_3_model.pth or a path")
COUNT = Field("-k", "items", "10", "how many a list")
ACTIONS: tuple[Action, ...] = (
    Action(
        "evaluate",
        "Evaluate",
        "Test a checkpoint again, on its own data or on others",
        (
            PTH,
            Field("--dataset-path", "other data", "", "a folder or file of the same format"),
            Field("--protocols", "protocols", "", "full popular-100 …; empty: the run's own"),
            Field("--j", "ranks", "", "1x2; empty: as it was trained"),
        ),
        _evaluate,
    ),
    Action(
        "fairness",
        "Fairness",
        "Joint multisided exposure fairness, from full rankings; groups as the data have them",
        (
            PTH,
            Field("--users", "user groups", "", "gender, age, occupation, popularity, or a csv"),
            Field("--items", "item groups", "", "genre, popularity, or a csv"),
            Field("--samples", "samples", "100", "rankings drawn a user and temperature"),
        ),
        _fairness,
    ),
    Action(
        "recommend",
        "Recommend",
        "The best unseen items of some users, or after a new history",
        (
            Field("--user", "users", "", "ids, apart by blanks; or fill in the history"),
            Field("--history", "history", "", "item ids with commas, the latest last"),
            COUNT,
            PTH,
        ),
        _recommend,
    ),
    Action(
        "recommend-all",
        "Recommend to everyone",
        "A list for each user of the data, as one parquet file",
        (Field("--out", "file", "everyone.parquet", "in the run's recommendations/, or a path"), COUNT, PTH),
        _recommend_all,
    ),
    Action(
        "export-model",
        "Export the model",
        "One file for other programs, checked against the checkpoint",
        (Field("--format", "format", "pth", choices=("pth", "onnx")), PTH),
        _export,
    ),
)
