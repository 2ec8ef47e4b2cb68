"""Leaderboards: rank groups of runs whose numbers are comparable."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict

from b4r_tui.common.format import plural
from b4r_tui.results.board import Board, Row
from b4r_tui.results.conditions import Conditions, conditions, differing, listed
from b4r_tui.results.groups import Group, groups_of
from b4r_tui.runs.summary import Summary


def leaderboard(
    summaries: Iterable[Summary], metric: str | None = None, protocol: str | None = None
) -> list[Board]:
    """Return the leaderboards of all tested runs; runs that differ only in their seed share a row.

    metric: what to sort by; None: the metric by which each run selected its best epoch. protocol: None: the first of
    each run. Runs with different protocols, splits, negatives or metrics are on different boards.
    """
    boards: dict[Conditions, list[Summary]] = {}
    for summary in summaries:
        under = conditions(summary, metric, protocol)
        if summary.get(f"test.{under.protocol}.{under.metric}") is not None:
            boards.setdefault(under, []).append(summary)
    return [_board(under, members) for under, members in boards.items()]


def why_separate(boards: Iterable[Board]) -> str | None:
    """Return in a sentence why the runs are on several boards; None for a single board."""
    differences = differing(board.conditions for board in boards)
    return f"Not ranked together: they differ in {listed(differences)}." if differences else None


def notes_of(board: Board) -> list[str]:
    """Return what a reader of the board should know: epochs not selected by validation, repeats, missing tests."""
    unchosen = [row.experiment for row in board.rows if not row.by_validation]
    repeated = [
        f"{plural(len(row.repeats), 'older run')} of {row.experiment}" for row in board.rows if row.repeats
    ]
    return [
        *([f"Tested at an epoch not selected by validation: {listed(unchosen)}."] if unchosen else []),
        *([f"Not counted (a newer run has the same seed): {listed(repeated)}."] if repeated else []),
        *(f"{note[:1].upper()}{note[1:]}." for note in board.notes),
    ]


def _board(under: Conditions, members: list[Summary]) -> Board:
    ranked = sorted(
        ((_row(group, under), group) for group in groups_of(members)), key=lambda pair: -pair[0].value
    )
    return Board(**asdict(under), rows=[row for row, _ in ranked], groups=tuple(group for _, group in ranked))


def _row(group: Group, under: Conditions) -> Row:
    first, key = group.runs[0], f"{under.protocol}.{under.metric}"
    score = group.score(under.protocol, under.metric)
    assert score is not None  # only runs that have the metric get onto a board
    epochs = tuple(run.get("tested_epoch") for run in group.runs)
    return Row(
        run_id=first["run_id"],
        experiment=group.name,
        mode=first.get("mode", ""),
        ranks=first.get("ranks", 0),
        tested_epoch=epochs[0] if len(set(epochs)) == 1 else None,
        value=score.value,
        low=score.low,
        high=score.high,
        n=first.get(f"test.{key}.n"),
        popularity=first.get(f"baseline.{key}"),
        fingerprint=under.fingerprint,
        random=first.get(f"baselines.random.{key}"),
        markov=first.get(f"baselines.markov.{key}"),
        sd=score.sd,
        run_ids=group.run_ids,
        seeds=group.seeds,
        experiments=group.experiments,
        repeats=group.repeats,
        tested_epochs=epochs,
        by_validation=all(run.get("best_epoch") in (None, run.get("tested_epoch")) for run in group.runs),
    )
