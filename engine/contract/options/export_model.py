"""What can be chosen when a model is exported: the one definition, for program and command. Torch-free."""

from __future__ import annotations

import argparse
from dataclasses import dataclass

FORMATS = ("pth", "onnx")


@dataclass(frozen=True)
class ModelExport:
    """format: pth or onnx. out: the file, None for one in the run's folder `exports/`."""

    format: str = "pth"
    pth: str = "best"
    out: str | None = None


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add an argument for each choice."""
    parser.add_argument(
        "--format",
        choices=FORMATS,
        default="pth",
        help="one plain torch file (pth, default) or a graph (onnx)",
    )
    parser.add_argument(
        "--pth", default="best", help="checkpoint: best (default), last, a file of its folder, or a path"
    )
    parser.add_argument("--out", metavar="FILE", help="where to (exports/ in the run folder)")


def options_of(arguments: argparse.Namespace) -> ModelExport:
    """The choices of parsed arguments."""
    return ModelExport(arguments.format, arguments.pth, arguments.out)


def as_arguments(options: ModelExport) -> list[str]:
    """Arguments that parse to these choices."""
    out = [f"--out={options.out}"] if options.out else []
    return [f"--format={options.format}", f"--pth={options.pth}", *out]
