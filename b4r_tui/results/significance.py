"""Tests the rows of a board against a chosen baseline: paired over users, corrected for the number of rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from b4r_tui.results.board import Board, Row, Versus
from b4r_tui.results.conditions import Conditions
from b4r_tui.results.groups import Group
from b4r_tui.results.paired import holm, paired
from b4r_tui.results.spread import welch
from b4r_tui.results.user_values import UserValues, check_same_users, mean_of, user_values
from engine.contract.config.validation import nearest
from engine.contract.errors import B4RError


def against_baseline(boards: Sequence[Board], baseline: str, folders: Mapping[str, Path]) -> list[Board]:
    """Return the boards with each row tested against that of `baseline`: name of a group, an experiment or a run.

    folders: run id → run folder. A row that cannot be tested gets a note instead; a board without the baseline is
    unchanged but for a note. Raises B4RError if no board has the baseline.
    """
    if not any(_row_of(board, baseline) is not None for board in boards):
        names = [row.experiment for board in boards for row in board.rows]
        raise B4RError(
            f"the baseline '{baseline}' is not among the tested runs; {nearest(baseline, list(dict.fromkeys(names)))}"
        )
    return [_tested_board(board, baseline, folders) for board in boards]


def versus(
    group: Group, baseline: Group, under: Conditions, folders: Mapping[str, Path], known: UserValues
) -> Versus:
    """Test one group against the baseline, whose values are `known`; p is not corrected yet. Raises B4RError."""
    mine = group_values(group, under, folders)
    check_same_users(mine, known)
    test = paired(mine.values, known.values)
    ours, theirs = (each.score(under.protocol, under.metric) for each in (group, baseline))
    return Versus(
        baseline=baseline.name,
        p_holm=test.p,
        p_seeds=welch(ours.values, theirs.values) if ours and theirs else None,
        **vars(test),
    )


def group_values(group: Group, under: Conditions, folders: Mapping[str, Path]) -> UserValues:
    """Return the value of every user, averaged over the runs of the group. Raises B4RError."""
    key = f"test.{under.protocol}.{under.metric}"
    return mean_of(
        [
            user_values(folders[run["run_id"]], under.protocol, under.metric, under.fingerprint, run[key])
            for run in group.runs
        ]
    )


def corrected(tests: Sequence[Versus | None]) -> list[Versus | None]:
    """Return the tests with p_holm corrected for their number."""
    p_values = iter(holm([test.p for test in tests if test is not None]))
    return [None if test is None else replace(test, p_holm=next(p_values)) for test in tests]


def _row_of(board: Board, name: str) -> int | None:
    return next((place for place, group in enumerate(board.groups) if group.answers_to(name)), None)


def _tested_board(board: Board, name: str, folders: Mapping[str, Path]) -> Board:
    place = _row_of(board, name)
    if place is None:
        return replace(board, notes=(*board.notes, f"the baseline {name} is not on this board"))
    baseline, notes = board.groups[place], []
    tests: list[Versus | None] = [None] * len(board.rows)
    try:
        known = group_values(baseline, board.conditions, folders)
    except B4RError as error:
        return replace(
            board, notes=(*board.notes, f"nothing was tested against {baseline.name}: {error.sentence}")
        )
    for index, group in enumerate(board.groups):
        if index != place:
            try:
                tests[index] = versus(group, baseline, board.conditions, folders, known)
            except B4RError as error:
                notes.append(f"{group.name} was not tested: {error.sentence}")
    rows: list[Row] = [
        replace(row, versus=each) for row, each in zip(board.rows, corrected(tests), strict=True)
    ]
    return replace(board, rows=rows, baseline=baseline.name, notes=(*board.notes, *notes))
