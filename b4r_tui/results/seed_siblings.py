"""Finds the leaderboard row that a run shares with the other seeds of its recipe, without reading all runs."""

from __future__ import annotations

import re

from b4r_tui.results.board import Board, Row
from b4r_tui.results.leaderboard import leaderboard
from b4r_tui.runs.store import Run, RunStore
from b4r_tui.runs.summary import read_summary

_SEED = re.compile(r"-(?:s|seed|training\.seed)\d+(?=-|$)")


def row_with(run: Run) -> tuple[Board, Row] | None:
    """Return the board and row of `run` among experiments whose names differ only in the seed; None if untested."""
    stem = _SEED.sub("", run.experiment)
    near = [each for each in RunStore(run.dir.parent.parent).runs() if _SEED.sub("", each.experiment) == stem]
    for board in leaderboard(read_summary(each) for each in near):
        for row in board.rows:
            if run.run_id in (*row.run_ids, *row.repeats):
                return board, row
    return None
