"""The points of a sweep as a table."""

from __future__ import annotations

from collections.abc import Sequence

from b4r_tui.common.format import NOTHING, decimal
from b4r_tui.experiments.sweep.names import labels_of
from b4r_tui.experiments.sweep_points import Sweep
from b4r_tui.reports.runs import STATE_STYLES
from b4r_tui.reports.table import Column, ReportTable, text
from b4r_tui.sweeps.ranking import _shown, objective
from b4r_tui.sweeps.trial import Trial


def ranking_table(sweep: Sweep, board: Sequence[Trial]) -> ReportTable:
    """Return the table of a board. Values are means over seeds, with the sample standard deviation."""
    labels = labels_of(list(sweep.plan.spaces))
    columns = [
        Column("#", right=True),
        Column("point"),
        *(Column(label, right=True) for label in labels.values()),
        Column(board[0].point.experiments[0].evaluation.select_by, right=True),
        Column("± sd", right=True, spare=1),
        Column("runs", right=True, spare=2),
        Column("state"),
    ]
    rows = [
        [
            text(place if trial.value is not None else NOTHING),
            text(trial.point.name),
            *(text(_shown(trial.point.values[key])) for key in labels),
            text(decimal(trial.value), "bold" if place == 1 else ""),
            text(decimal(trial.deviation) if trial.deviation is not None else ""),
            text(f"{len(trial.values)}/{len(trial.point.experiments)}"),
            text(trial.state, STATE_STYLES.get(trial.state, "yellow")),
        ]
        for place, trial in enumerate(board, 1)
    ]
    return ReportTable(f"Points of {sweep.plan.name}: {objective(sweep, board[0])}", columns, rows)
