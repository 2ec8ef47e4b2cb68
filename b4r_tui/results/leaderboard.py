"""Leaderboards: which settings are best, among runs whose numbers may be compared at all."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING

from b4r_tui.common.format import plural
from b4r_tui.results.board import Board, Row
from b4r_tui.results.conditions import Conditions, conditions, differing, listed
from b4r_tui.results.groups import Group, groups_of
from b4r_tui.runs.summary import Summary

if TYPE_CHECKING:
    pass


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
