"""Options of recommend, for the engine's program and the command of the app."""

from __future__ import annotations

import argparse
import csv
from dataclasses import dataclass

from engine.contract.errors import B4RError

AS_OF = ("now", "test", "validate")
LARGEST_K = 10_000


@dataclass(frozen=True)
class RecommendOptions:
    """Options of recommend.

    Exactly one of users (ids), history (item ids, most recent last) and everyone is set. as_of: the history to use,
    `now` for all interactions, else what that phase of evaluation knows. out: the parquet file for all users' lists.
    """

    users: tuple[str, ...] = ()
    history: tuple[str, ...] = ()
    everyone: bool = False
    out: str | None = None
    k: int = 10
    pth: str = "best"
    as_of: str = "now"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add an argument for each option."""
    parser.add_argument("--user", nargs="+", action="extend", metavar="U", help="user IDs as in the data")
    parser.add_argument(
        "--history",
        type=parse_history,
        metavar="I,I,…",
        help="a new history: comma-separated item IDs, most recent last",
    )
    parser.add_argument("--all", action="store_true", help="all users; writes the parquet file --out")
    parser.add_argument(
        "--out", metavar="FILE", help="parquet file for --all: user, rank, item, title, score"
    )
    parser.add_argument("-k", type=parse_count, default=10, help="items per list (default 10)")
    parser.add_argument(
        "--pth", default="best", help="checkpoint: best (default), last, a checkpoint's file name, or a path"
    )
    parser.add_argument(
        "--as-of",
        choices=AS_OF,
        default="now",
        help="history to use: all interactions (now, default), or those known at test or validation",
    )


def options_of(arguments: argparse.Namespace) -> RecommendOptions:
    """Return the options in parsed arguments. Raises B4RError if they are incompatible."""
    return checked(
        RecommendOptions(
            users=tuple(dict.fromkeys(arguments.user or ())),
            history=arguments.history or (),
            everyone=arguments.all,
            out=arguments.out,
            k=arguments.k,
            pth=arguments.pth,
            as_of=arguments.as_of,
        )
    )


def checked(options: RecommendOptions) -> RecommendOptions:
    """Return the options if they are compatible. Raises B4RError."""
    if sum(map(bool, (options.users, options.history, options.everyone))) != 1:
        raise B4RError("recommend needs exactly one of --user, --history and --all")
    if options.everyone != (options.out is not None):
        raise B4RError("--all and --out FILE must be used together; FILE is a parquet file")
    return options


def as_arguments(options: RecommendOptions) -> list[str]:
    """Return arguments that parse to these options."""
    targets = [f"--user={user}" for user in options.users]
    if options.history:
        targets += [f"--history={','.join(map(_quoted, options.history))}"]
    if options.everyone:
        targets += ["--all", f"--out={options.out}"]
    return [*targets, f"-k={options.k}", f"--pth={options.pth}", f"--as-of={options.as_of}"]


def parse_history(text: str) -> tuple[str, ...]:
    """Return the item ids of a comma-separated history. Raises ArgumentTypeError."""
    ids = tuple(one.strip() for one in next(csv.reader([text]), []) if one.strip())
    if not ids:
        raise argparse.ArgumentTypeError("a history needs at least one item ID")
    return ids


def _quoted(one: str) -> str:
    return '"' + one.replace('"', '""') + '"' if set(one) & set(',"') else one


def parse_count(text: str) -> int:
    """Return a number of items per list. Raises ArgumentTypeError."""
    if not (text.isascii() and text.isdecimal()) or not 1 <= int(text) <= LARGEST_K:
        raise argparse.ArgumentTypeError(f"'{text}' is not an integer from 1 to {LARGEST_K:,}")
    return int(text)
