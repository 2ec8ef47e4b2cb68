"""A leaderboard as values: runs that may be compared, ranked by one metric."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from b4r_tui.results.conditions import Conditions
from b4r_tui.results.groups import Group


@dataclass(frozen=True)
class Row:
    """One row of a leaderboard: a group of runs that differ only in their seed.

    experiment: name of the group. run_ids, seeds: its runs by ascending seed; run_id: the first of them. value: mean of
    the metric over runs; sd: its sample standard deviation, None for a single run. low, high: 95 % interval, over seeds
    (Student's t) if there are several, otherwise over users. n: number of users. tested_epoch: None if the runs tested
    different epochs (see tested_epochs). by_validation: whether every run tested its best epoch on validation.
    popularity, random, markov: the same metric of these baselines for the same users and candidates. repeats: older
    runs with a seed that a newer run has too; they do not count. versus: test against the chosen baseline group.
    """

    run_id: str
    experiment: str
    mode: str
    ranks: int
    tested_epoch: int | None
    value: float
    low: float | None
    high: float | None
    n: int | None
    popularity: float | None
    fingerprint: str = ""
    random: float | None = None
    markov: float | None = None
    sd: float | None = None
    run_ids: tuple[str, ...] = ()
    seeds: tuple[int, ...] = ()
    experiments: tuple[str, ...] = ()
    repeats: tuple[str, ...] = ()
    tested_epochs: tuple[int | None, ...] = ()
    by_validation: bool = True
    versus: Versus | None = None

    @property
    def runs(self) -> int:
        """Return the number of runs that `value` averages."""
        return len(self.run_ids)


@dataclass(frozen=True)
class Board:
    """Groups that may be ranked together, best first: one protocol, one split, one metric.

    fingerprint: of the split. negatives: fingerprint of the negatives of a sampled protocol, empty for `full`. groups:
    one for each row, in the same order. baseline: name of the row that the others are tested against. notes: what could
    not be tested, and why.
    """

    protocol: str
    metric: str
    dataset: str
    fingerprint: str
    negatives: str
    rows: list[Row]
    groups: tuple[Group, ...] = ()
    baseline: str | None = None
    notes: tuple[str, ...] = ()

    @property
    def conditions(self) -> Conditions:
        """Return the conditions that all numbers of the board share."""
        return Conditions(self.protocol, self.metric, self.dataset, self.fingerprint, self.negatives)

    def as_json(self) -> dict[str, Any]:
        """Return the board as plain data for JSON, with its split."""
        parts = {**vars(self), "rows": [asdict(row) for row in self.rows], "split": "test"}
        del parts["groups"]
        return parts


LEVEL = 0.05


@dataclass(frozen=True)
class Versus:
    """Test of a group against the baseline on the same users, each user's values averaged over the group's runs first.

    difference: mean of the group minus that of the baseline; low, high: its 95 % bootstrap interval over users. p: of
    the paired randomisation test; p_holm: p corrected for the number of rows tested. wins, ties, losses: numbers of
    users. p_seeds: of Welch's t test over the means of runs, None if either group has fewer than two runs.
    """

    baseline: str
    difference: float
    low: float
    high: float
    p: float
    p_holm: float
    wins: int
    ties: int
    losses: int
    p_seeds: float | None

    @property
    def significant(self) -> bool:
        """Return whether the difference is significant at the 5 % level after correction."""
        return self.p_holm < LEVEL
