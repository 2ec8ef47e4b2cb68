"""Options of fairness, for the engine's program and the command of the app."""

from __future__ import annotations

import argparse
import math
from dataclasses import dataclass, fields

USER_GROUPS = ("gender", "age", "occupation", "popularity")
ITEM_GROUPS = ("genre", "popularity")
RANKERS = ("model", "popularity", "markov")
CONVENTIONS = ("paper", "code")
LARGEST_SAMPLES = 1_000_000


@dataclass(frozen=True)
class FairnessOptions:
    """Options by their command-line names.

    users, items: one of the kinds above, the path of a csv of groups, or None for gender and genre if the data set
    has them, else popularity. scale: `none`, `normalise`, or a factor as text.
    """

    pth: str = "best"
    users: str | None = None
    items: str | None = None
    temperatures: tuple[float, ...] = (8.0, 4.0, 2.0, 1.0, 0.5, 0.25, 0.125)
    samples: int = 100
    seed: int = 0
    scale: str = "none"
    convention: str = "paper"
    ranker: str = "model"
    relevant_rating: float = 3.0


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add an argument for each option."""
    default = FairnessOptions()
    parser.add_argument(
        "--pth",
        default=default.pth,
        help="checkpoint: best (default), last, a checkpoint's file name, or a path",
    )
    parser.add_argument("--users", metavar="GROUPS", help=_groups_help("user", USER_GROUPS, "gender"))
    parser.add_argument("--items", metavar="GROUPS", help=_groups_help("item", ITEM_GROUPS, "genre"))
    _add_sampling_options(parser, default)
    parser.add_argument(
        "--convention",
        choices=CONVENTIONS,
        default=default.convention,
        help="exposure at rank r: 0.8^(r-1) as in the paper (default), or 0.8^r as in its code",
    )
    parser.add_argument(
        "--ranker", choices=RANKERS, default=default.ranker, help="what ranks: the run's model, or a baseline"
    )
    parser.add_argument(
        "--relevant-rating",
        type=_finite,
        default=default.relevant_rating,
        metavar="R",
        help="held-out items rated above R (default 3), or unrated, are relevant",
    )


def _add_sampling_options(parser: argparse.ArgumentParser, default: FairnessOptions) -> None:
    """Add the options of the stochastic rankings."""
    parser.add_argument(
        "--temperatures",
        type=_temperatures,
        default=default.temperatures,
        metavar="T,T,…",
        help="temperatures of the stochastic rankings (default 8,4,2,1,.5,.25,.125)",
    )
    parser.add_argument(
        "--samples",
        type=parse_samples,
        default=default.samples,
        help="rankings per user and temperature (default 100)",
    )
    parser.add_argument(
        "--seed", type=_seed, default=default.seed, help="seed of the stochastic rankings (default 0)"
    )
    parser.add_argument(
        "--scale",
        type=_scale,
        default=default.scale,
        metavar="none|normalise|NUMBER",
        help="scores unscaled (default), normalised to sum 1 in each list, or multiplied by a number",
    )


def options_of(arguments: argparse.Namespace) -> FairnessOptions:
    """Return the options in parsed arguments."""
    return FairnessOptions(
        **{field.name: getattr(arguments, field.name) for field in fields(FairnessOptions)}
    )


def as_arguments(options: FairnessOptions) -> list[str]:
    """Return arguments that parse to these options."""
    values = {field.name: getattr(options, field.name) for field in fields(options)}
    values["temperatures"] = ",".join(map(repr, options.temperatures))
    return [f"--{name.replace('_', '-')}={value}" for name, value in values.items() if value is not None]


def _groups_help(side: str, kinds: tuple[str, ...], usual: str) -> str:
    return (
        f"{side} groups: {', '.join(kinds)}, or a csv with the columns id,group (default: {usual} if the data set "
        "has it, else popularity)"
    )


def _finite(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise argparse.ArgumentTypeError(f"'{text}' is not a number")
    return number


def _positive(text: str) -> float:
    number = _finite(text)
    if number <= 0:
        raise argparse.ArgumentTypeError(f"'{text}' is not positive")
    return number


def _temperatures(text: str) -> tuple[float, ...]:
    temperatures = tuple(_positive(part) for part in text.split(","))
    if len(set(temperatures)) < len(temperatures):
        raise argparse.ArgumentTypeError(f"'{text}' contains a temperature twice")
    return temperatures


def _seed(text: str) -> int:
    if not (text.isascii() and text.isdecimal()) or int(text) >= 2**63:
        raise argparse.ArgumentTypeError(f"'{text}' is not an integer from 0 to 2^63 - 1")
    return int(text)


def parse_samples(text: str) -> int:
    """Return a number of samples. Raises ArgumentTypeError."""
    samples = _seed(text)
    if not 1 <= samples <= LARGEST_SAMPLES:
        raise argparse.ArgumentTypeError(f"'{text}' is not an integer from 1 to {LARGEST_SAMPLES:,}")
    return samples


def _scale(text: str) -> str:
    return text if text in ("none", "normalise") else repr(_positive(text))
