"""What can be chosen when a checkpoint is evaluated: one definition, for the engine's program and the command."""

from __future__ import annotations

import argparse
from dataclasses import dataclass, fields
from typing import Any

LIST_LENGTH = 100
LONGEST_LIST = 100_000


@dataclass(frozen=True)
class EvaluateOptions:
    """Choices by the names that the command line has for them; None leaves the run's own setting.

    run_files: also write each user's ranked candidates; list_length: of them, how many of a full ranking.
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
    """Add an argument for each choice."""
    parser.add_argument(
        "--pth", help="checkpoint: best, last, epoch_N_model.pth or a path; default the run's evaluation.pth"
    )
    parser.add_argument("--dataset-path", metavar="PATH", help="other data, of the same format")
    parser.add_argument("--dataset-name", metavar="NAME", help="format of the other data, such as lt or csv")
    parser.add_argument("--protocols", nargs="+", metavar="P", help="full, popular-N, uniform-N")
    parser.add_argument("--metric-ks", nargs="+", type=_whole, metavar="K", help="cutoffs of the metrics")
    parser.add_argument("--j", metavar="1xN", help="on other ranks than it was trained on")
    parser.add_argument("--mode", choices=("ddp", "dmp"), help="in the other mode")
    parser.add_argument("--gpu", type=_gpu, metavar="N|auto", help="GPUs to use, 0 for CPU")
    parser.add_argument(
        "--run-files", action="store_true", help="write every user's ranked candidates to predictions/"
    )
    parser.add_argument(
        "--list-length",
        type=_length,
        default=LIST_LENGTH,
        metavar="K",
        help=f"items a user in the run file of full ranking ({LIST_LENGTH})",
    )


def options_of(arguments: argparse.Namespace) -> EvaluateOptions:
    """The choices of parsed arguments."""
    found = {field.name: getattr(arguments, field.name) for field in fields(EvaluateOptions)}
    values: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in found.items()
    }
    return EvaluateOptions(**values)


def as_arguments(options: EvaluateOptions) -> list[str]:
    """Arguments that parse to these choices."""
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


def _whole(text: str) -> int:
    if not (text.isascii() and text.isdecimal()) or not 1 <= int(text) <= 1_000_000:
        raise argparse.ArgumentTypeError(f"'{text}' is not a whole number from 1 to 1,000,000")
    return int(text)


def _length(text: str) -> int:
    if _whole(text) > LONGEST_LIST:
        raise argparse.ArgumentTypeError(f"'{text}' is more than {LONGEST_LIST:,}")
    return int(text)


def _gpu(text: str) -> int | str:
    if text == "auto":
        return text
    if not (text.isascii() and text.isdecimal()):
        raise argparse.ArgumentTypeError(f"'{text}' is neither a count nor auto")
    return int(text)
