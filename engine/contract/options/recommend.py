"""What can be asked of `recommend`: the one definition, for the engine's program and the app's command. Torch-free."""

from __future__ import annotations

import argparse
import csv
from dataclasses import dataclass

from engine.contract.errors import B4RError

AS_OF = ("now", "test", "validate")
LARGEST_K = 10_000


@dataclass(frozen=True)
class RecommendOptions:
    """Who is recommended to, and how much.

    One of users (ids), history (item ids, the latest last) and everyone is given. as_of: what is known of a user,
    `now` for all interactions, else what that phase of evaluation knows. out: the parquet file of everyone's lists.
    """

    users: tuple[str, ...] = ()
    history: tuple[str, ...] = ()
    everyone: bool = False
    out: str | None = None
    k: int = 10
    pth: str = "best"
    as_of: str = "now"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add an argument for each choice."""
    parser.add_argument(
        "--user", nargs="+", action="extend", metavar="U", help="ids of users, as the data have them"
    )
    parser.add_argument(
        "--history", type=parse_history, metavar="I,I,…", help="a new history: item ids, the latest last"
    )
    parser.add_argument("--all", action="store_true", help="everybody; goes to the parquet file --out")
    parser.add_argument(
        "--out", metavar="FILE", help="the parquet file of --all: user, rank, item, title, score"
    )
    parser.add_argument("-k", type=parse_count, default=10, help="items a list (10)")
    parser.add_argument(
        "--pth", default="best", help="checkpoint: best (default), last, a file of its folder, or a path"
    )
    parser.add_argument(
        "--as-of",
        choices=AS_OF,
        default="now",
        help="what is known of a user: everything (now, default), or what the test or validation knows",
    )


def options_of(arguments: argparse.Namespace) -> RecommendOptions:
    """The choices of parsed arguments. Raises B4RError where they do not go together."""
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
    """Return options that go together. Raises B4RError."""
    if sum(map(bool, (options.users, options.history, options.everyone))) != 1:
        raise B4RError("recommend needs one of --user, --history and --all, and no more than one")
    if options.everyone != (options.out is not None):
        raise B4RError("--all goes with --out FILE, the parquet file that everybody's lists go to")
    return options


def as_arguments(options: RecommendOptions) -> list[str]:
    """Arguments that parse to these choices."""
    asked = [f"--user={user}" for user in options.users]
    if options.history:
        asked += [f"--history={','.join(map(_quoted, options.history))}"]
    if options.everyone:
        asked += ["--all", f"--out={options.out}"]
    return [*asked, f"-k={options.k}", f"--pth={options.pth}", f"--as-of={options.as_of}"]


def parse_history(text: str) -> tuple[str, ...]:
    """Return the item ids of a comma-separated history. Raises ArgumentTypeError."""
    ids = tuple(one.strip() for one in next(csv.reader([text]), []) if one.strip())
    if not ids:
        raise argparse.ArgumentTypeError("a history has at least one item id")
    return ids


def _quoted(one: str) -> str:
    return '"' + one.replace('"', '""') + '"' if set(one) & set(',"') else one


def parse_count(text: str) -> int:
    """Return a number of items per list. Raises ArgumentTypeError."""
    if not (text.isascii() and text.isdecimal()) or not 1 <= int(text) <= LARGEST_K:
        raise argparse.ArgumentTypeError(f"'{text}' is not a number of items from 1 to {LARGEST_K:,}")
    return int(text)
