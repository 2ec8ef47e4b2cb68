"""Leaderboards: which settings are best, among runs whose numbers may be compared at all."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from b4r_tui.common.format import plural
from b4r_tui.results.conditions import Conditions, conditions, differing, listed
from b4r_tui.results.groups import Group, groups_of
from b4r_tui.runs.summary import Summary

if TYPE_CHECKING:
    from b4r_tui.results.significance import Versus


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


def leaderboard(
    summaries: Iterable[Summary], metric: str | None = None, protocol: str | None = None
) -> list[Board]:
    """Boards of all runs that were tested; runs that differ in their seed alone share a row.

    metric: what to sort by; None takes the one each run selected its best epoch by. protocol: None takes each
    run's first. Runs of different protocols, splits, negatives or metrics stand on different boards.
    """
    boards: dict[Conditions, list[Summary]] = {}
    for summary in summaries:
        under = conditions(summary, metric, protocol)
        if summary.get(f"test.{under.protocol}.{under.metric}") is not None:
            boards.setdefault(under, []).append(summary)
    return [_board(under, members) for under, members in boards.items()]


def apart(boards: Iterable[Board]) -> str | None:
    """Why the runs stand on several boards, in a sentence; None of one board."""
    found = differing(board.conditions for board in boards)
    return f"Not ranked together, since they differ in {listed(found)}." if found else None


def notes_of(board: Board) -> list[str]:
    """What a reader of the board should know: epochs that validation did not choose, repeats, what was not tested."""
    unchosen = [row.experiment for row in board.rows if not row.by_validation]
    repeated = [
        f"{plural(len(row.repeats), 'older run')} of {row.experiment}" for row in board.rows if row.repeats
    ]
    return [
        *([f"Tested at an epoch that validation did not choose: {listed(unchosen)}."] if unchosen else []),
        *([f"Not counted, since a newer run has the same seed: {listed(repeated)}."] if repeated else []),
        *(f"{note[:1].upper()}{note[1:]}." for note in board.notes),
    ]


def _board(under: Conditions, members: list[Summary]) -> Board:
    ranked = sorted(
        ((_row(group, under), group) for group in groups_of(members)), key=lambda pair: -pair[0].value
    )
    return Board(**asdict(under), rows=[row for row, _ in ranked], groups=tuple(group for _, group in ranked))


def _row(group: Group, under: Conditions) -> Row:
    first, key = group.runs[0], f"{under.protocol}.{under.metric}"
    found = group.score(under.protocol, under.metric)
    assert found is not None  # only runs that have the metric come to a board
    epochs = tuple(run.get("tested_epoch") for run in group.runs)
    return Row(
        run_id=first["run_id"],
        experiment=group.name,
        mode=first.get("mode", ""),
        ranks=first.get("ranks", 0),
        tested_epoch=epochs[0] if len(set(epochs)) == 1 else None,
        value=found.value,
        low=found.low,
        high=found.high,
        n=first.get(f"test.{key}.n"),
        popularity=first.get(f"baseline.{key}"),
        fingerprint=under.fingerprint,
        random=first.get(f"baselines.random.{key}"),
        markov=first.get(f"baselines.markov.{key}"),
        sd=found.sd,
        run_ids=group.run_ids,
        seeds=group.seeds,
        experiments=group.experiments,
        repeats=group.repeats,
        tested_epochs=epochs,
        by_validation=all(run.get("best_epoch") in (None, run.get("tested_epoch")) for run in group.runs),
    )
