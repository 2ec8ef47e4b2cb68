"""Commands about a run's model: `evaluate`, `fairness`, `recommend` and `export-model`."""

from __future__ import annotations

import argparse
from pathlib import Path

from b4r_tui.commands.command import Command, add_json, add_run
from engine.contract.options import evaluate as evaluate_options
from engine.contract.options import export_model as export_options
from engine.contract.options import fairness as fairness_options
from engine.contract.options import recommend as recommend_options


def _add_evaluate(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="RUN|FILE.pth")
    add_json(parser)
    parser.add_argument(
        "--config", metavar="TOML", help="settings of FILE.pth: a run's config.toml, or experiments.toml#NAME"
    )
    evaluate_options.add_options(parser)


def _evaluate(arguments: argparse.Namespace, root: Path) -> int:
    from b4r_tui.runs.programs.evaluate import evaluate_run

    options = evaluate_options.options_of(arguments)
    return evaluate_run(root, arguments.name, arguments.config, options, arguments.json)


def _add_fairness(parser: argparse.ArgumentParser) -> None:
    add_run(parser)
    add_json(parser)
    fairness_options.add_options(parser)


def _fairness(arguments: argparse.Namespace, root: Path) -> int:
    from b4r_tui.runs.programs.fairness import rate_fairness

    return rate_fairness(root, arguments.name, fairness_options.options_of(arguments), arguments.json)


def _add_recommend(parser: argparse.ArgumentParser) -> None:
    add_run(parser)
    recommend_options.add_options(parser)
    form = parser.add_mutually_exclusive_group()
    add_json(form)
    form.add_argument("--csv", action="store_true", help="as csv")


def _recommend(arguments: argparse.Namespace, root: Path) -> int:
    from b4r_tui.runs.programs.recommend import recommend

    form = "json" if arguments.json else "csv" if arguments.csv else "table"
    return recommend(root, arguments.name, recommend_options.options_of(arguments), form)  # type: ignore[arg-type]


def _add_export_model(parser: argparse.ArgumentParser) -> None:
    add_run(parser)
    export_options.add_options(parser)


def _export_model(arguments: argparse.Namespace, root: Path) -> int:
    from b4r_tui.runs.programs.export_model import export_model

    return export_model(root, arguments.name, export_options.options_of(arguments))


EVALUATE = Command(
    "evaluate",
    "test a run's checkpoint, or a bare .pth, on its own or on other data",
    _evaluate,
    _add_evaluate,
)
FAIRNESS = Command(
    "fairness",
    "measure a run's joint multisided exposure fairness, from full rankings",
    _fairness,
    _add_fairness,
)
RECOMMEND = Command(
    "recommend",
    "the items a run's model would recommend, to users or after a new history",
    _recommend,
    _add_recommend,
)
EXPORT_MODEL = Command(
    "export-model",
    "write a run's model as one file for other programs, and check it",
    _export_model,
    _add_export_model,
)
