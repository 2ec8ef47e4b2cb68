"""A leaderboard as values: runs that may be compared, ranked by one metric."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from b4r_tui.results.conditions import Conditions
from b4r_tui.results.groups import Group


@dataclass(frozen=True)
class Row:
    """The place of one group: runs that differ in their seed alone.

    experiment: the group's name. run_ids, seeds: its runs, by rising seed; run_id: the first. value: the mean of the
    metric over runs, sd: its standard deviation, None of one run. low, high: the 95 % interval, over seeds by
    Student's t where there are several, else over users. n: users. tested_epoch: None where the runs tested
    different epochs, which tested_epochs lists. by_validation: whether each tested the epoch that was best on
    validation. popularity, random, markov: the metric of these baselines for the same users and candidates.
    repeats: older runs of the same seeds, which are not counted. versus: beside a chosen baseline group.
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
        """Runs that the value is the mean of."""
        return len(self.run_ids)


@dataclass(frozen=True)
class Board:
    """Groups that may be ranked together, best first: one protocol, one split, one metric.

    fingerprint: of the split. negatives: of those that a sampled protocol drew, empty for `full`. groups: of the
    rows, in their order. baseline: the name of the row that the others were tested against. notes: what was left
    untested, and why.
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
        """What its numbers have in common."""
        return Conditions(self.protocol, self.metric, self.dataset, self.fingerprint, self.negatives)

    def as_json(self) -> dict[str, Any]:
        """The board as plain data, its split named."""
        parts = {**vars(self), "rows": [asdict(row) for row in self.rows], "split": "test"}
        del parts["groups"]
        return parts


LEVEL = 0.05


@dataclass(frozen=True)
class Versus:
    """A group beside the baseline, for the same users, each user's values averaged over the group's runs first.

    difference: mean of this minus baseline, low and high its 95 % bootstrap interval over users. p: of the paired
    randomisation test, p_holm: corrected for the rows tested. wins, ties, losses: users. p_seeds: of Welch's t
    test over the runs' means, None where either has fewer than two runs.
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
        """Whether it differs at the 5 % level, corrected."""
        return self.p_holm < LEVEL
