"""Commands about what experiments need around them: `doctor` and `fetch`."""

from __future__ import annotations

import argparse
from pathlib import Path

from b4r_tui.commands.command import Command, add_json

FETCHED = ("ml-100k", "ml-1m", "ml-20m")


def _add_doctor(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "path", type=Path, metavar="FILE", nargs="?", help="also ask whether its experiments can run"
    )
    add_json(parser)


def _doctor(arguments: argparse.Namespace, root: Path) -> int:
    from b4r_tui.commands.doctor.report import doctor

    return doctor(arguments, root)


def _add_fetch(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("dataset", choices=FETCHED, metavar="DATASET", help=", ".join(FETCHED))
    parser.add_argument(
        "--into", type=Path, metavar="DIR", default=Path("datasets"), help="folder of data sets (./datasets)"
    )


def _fetch(arguments: argparse.Namespace, root: Path) -> int:
    from b4r_tui.commands.actions import fetch_dataset

    return fetch_dataset(arguments.dataset, arguments.into)


DOCTOR = Command(
    "doctor", "look whether this machine can run experiments, and say what to mend", _doctor, _add_doctor
)
FETCH = Command("fetch", "download a MovieLens data set; shows its terms of use", _fetch, _add_fetch)
