"""Checks whether two runs of the same experiment and seed have the same test numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from b4r_tui.runs.summary import Summary


@dataclass(frozen=True)
class SeedCheck:
    """The verdict on one experiment: a sentence, and whether its runs agree."""

    experiment: str
    same: bool
    sentence: str


def check_seeds(summaries: Sequence[Summary]) -> list[SeedCheck]:
    """Compare the test metrics of the runs of each experiment; all must be equal to the last bit."""
    by_experiment: dict[str, list[Summary]] = {}
    for summary in summaries:
        by_experiment.setdefault(summary["experiment"], []).append(summary)
    return [_check(name, *pair[:2]) for name, pair in by_experiment.items() if len(pair) > 1]


def _check(experiment: str, one: Summary, other: Summary) -> SeedCheck:
    mine, theirs = _tested(one), _tested(other)
    if not mine or not theirs:
        return SeedCheck(experiment, False, "not comparable: a run has no test metrics")
    different = [key for key in mine if mine[key] != theirs.get(key)]
    if different:
        key = different[0]
        return SeedCheck(
            experiment,
            False,
            f"same seed, {len(different)} of {len(mine)} test numbers differ; "
            f"{key.removeprefix('test.')} is {mine[key]} and {theirs.get(key)}",
        )
    return SeedCheck(experiment, True, f"same seed, same {len(mine)} test numbers")


def _tested(summary: Summary) -> Summary:
    return {key: value for key, value in summary.items() if key.startswith("test.")}
