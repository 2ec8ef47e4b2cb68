"""Options of evaluate, for the engine's program and the command of the app."""

from __future__ import annotations

import argparse
from dataclasses import dataclass, fields
from typing import Any

LIST_LENGTH = 100
LONGEST_LIST = 100_000


@dataclass(frozen=True)
class EvaluateOptions:
    """Options by their command-line names; None means the run's own setting.

    run_files: also write each user's ranked candidates; list_length: how many of a full ranking.
    """

    pth: str | None = None
    dataset_path: str | None = None
    dataset_name: str | None = None
    protocols: tuple[str, ...] | None = None
    metric_ks: tuple[int, ...] | None = None
    j: str | None = None
    mode: str | None = None
    gpu: int | str | None = None
    run_files: bool = False
    list_length: int = LIST_LENGTH


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add an argument for each option."""
    parser.add_argument(
        "--pth",
        help="checkpoint: best, last, epoch_N_model.pth or a path (default: the run's evaluation.pth)",
    )
    parser.add_argument("--dataset-path", metavar="PATH", help="evaluate on other data of the same format")
    parser.add_argument("--dataset-name", metavar="NAME", help="format of the other data, e.g. lt or csv")
    parser.add_argument("--protocols", nargs="+", metavar="P", help="full, popular-N, uniform-N")
    parser.add_argument("--metric-ks", nargs="+", type=_cutoff, metavar="K", help="cutoffs of the metrics")
    parser.add_argument("--j", metavar="1xN", help="number of processes (default: same as training)")
    parser.add_argument("--mode", choices=("ddp", "dmp"), help="parallel mode (default: same as training)")
    parser.add_argument("--gpu", type=_gpu, metavar="N|auto", help="GPUs to use, 0 for CPU")
    parser.add_argument(
        "--run-files", action="store_true", help="write every user's ranked candidates to predictions/"
    )
    parser.add_argument(
        "--list-length",
        type=_length,
        default=LIST_LENGTH,
        metavar="K",
        help=f"items per user in the run file of full ranking (default {LIST_LENGTH})",
    )


def options_of(arguments: argparse.Namespace) -> EvaluateOptions:
    """Return the options in parsed arguments."""
    parsed = {field.name: getattr(arguments, field.name) for field in fields(EvaluateOptions)}
    values: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in parsed.items()
    }
    return EvaluateOptions(**values)


def as_arguments(options: EvaluateOptions) -> list[str]:
    """Return arguments that parse to these options."""
    arguments = []
    for field in fields(options):
        name, value = f"--{field.name.replace('_', '-')}", getattr(options, field.name)
        if isinstance(value, tuple):
            arguments += [name, *map(str, value)]
        elif value is True:
            arguments.append(name)
        elif value is not None and value is not False:
            arguments.append(f"{name}={value}")
    return arguments


def _cutoff(text: str) -> int:
    if not (text.isascii() and text.isdecimal()) or not 1 <= int(text) <= 1_000_000:
        raise argparse.ArgumentTypeError(f"'{text}' is not an integer from 1 to 1,000,000")
    return int(text)


def _length(text: str) -> int:
    if _cutoff(text) > LONGEST_LIST:
        raise argparse.ArgumentTypeError(f"'{text}' is more than {LONGEST_LIST:,}")
    return int(text)


def _gpu(text: str) -> int | str:
    if text == "auto":
        return text
    if not (text.isascii() and text.isdecimal()):
        raise argparse.ArgumentTypeError(f"'{text}' is neither a number nor auto")
    return int(text)
