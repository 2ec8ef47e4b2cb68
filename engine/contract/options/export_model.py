"""Options of export-model, for the engine's program and the command of the app."""

from __future__ import annotations

import argparse
from dataclasses import dataclass

FORMATS = ("pth", "onnx")


@dataclass(frozen=True)
class ModelExport:
    """Options of export-model. format: pth or onnx. out: the file, None for one in the run's folder `exports/`."""

    format: str = "pth"
    pth: str = "best"
    out: str | None = None


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add an argument for each option."""
    parser.add_argument(
        "--format",
        choices=FORMATS,
        default="pth",
        help="a plain torch file (pth, default) or a graph (onnx)",
    )
    parser.add_argument(
        "--pth", default="best", help="checkpoint: best (default), last, a checkpoint's file name, or a path"
    )
    parser.add_argument("--out", metavar="FILE", help="output file (default: in exports/ of the run folder)")


def options_of(arguments: argparse.Namespace) -> ModelExport:
    """Return the options in parsed arguments."""
    return ModelExport(arguments.format, arguments.pth, arguments.out)


def as_arguments(options: ModelExport) -> list[str]:
    """Return arguments that parse to these options."""
    out = [f"--out={options.out}"] if options.out else []
    return [f"--format={options.format}", f"--pth={options.pth}", *out]
