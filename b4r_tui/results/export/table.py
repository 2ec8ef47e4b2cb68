"""The table behind every export format: boards of several metrics side by side, one row per group."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from b4r_tui.results.board import Board, Row
from b4r_tui.results.conditions import Conditions
from b4r_tui.results.groups import Group
from b4r_tui.results.leaderboard import leaderboard, notes_of
from b4r_tui.runs.summary import Summary

USUAL = ("recall@10", "ndcg@10")
UNRANKED = ("coverage", "arp")  # for which higher is not better
LEVELS = ((0.01, "**"), (0.05, "*"))  # p below it → its mark


@dataclass(frozen=True)
class Panel:
    """Groups measured under the same conditions, best by the first metric first.

    cells: by metric, the row of that metric's board for each group, None if the group lacks it. fingerprint: of the
    split. baseline: name of the group that marks compare with. notes: sentences printed below the table.
    """

    protocol: str
    dataset: str
    fingerprint: str
    negatives: str
    metrics: tuple[str, ...]
    groups: tuple[Group, ...]
    cells: dict[str, tuple[Row | None, ...]]
    baseline: str | None
    notes: tuple[str, ...]

    def rows(self) -> list[tuple[Group, Row]]:
        """Return each group with one of its rows, for facts that are the same for all metrics."""
        return [
            (group, next(row for row in (self.cells[name][place] for name in self.metrics) if row))
            for place, group in enumerate(self.groups)
        ]

    @property
    def title(self) -> str:
        """Return the conditions of the panel in a few words."""
        sampled = f", negatives {self.negatives[:8]}" if self.negatives else ""
        return f"{self.dataset} {self.fingerprint[:8]}, test split, protocol {self.protocol}{sampled}".strip()


def panels(
    summaries: Sequence[Summary],
    metrics: Sequence[str] = (),
    protocol: str | None = None,
    baseline: str | None = None,
    folders: Mapping[str, Path] | None = None,
) -> list[Panel]:
    """Return the panels of all tested runs. metrics: if empty, those that selected best epochs, recall@10 and ndcg@10.

    folders: run id → run folder, needed for tests against `baseline`. Raises B4RError if no tested run is called
    `baseline`.
    """
    chosen = list(dict.fromkeys(metrics or [*_selected_by(summaries), *USUAL]))
    boards = [board for metric in chosen for board in leaderboard(summaries, metric, protocol)]
    if baseline is not None and boards:
        from b4r_tui.results.significance import against_baseline  # imports numpy and pyarrow

        boards = against_baseline(boards, baseline, folders or {})
    together: dict[tuple[str, str, str, str], list[Board]] = {}
    for board in boards:
        together.setdefault(_place(board.conditions), []).append(board)
    return [_panel(members) for members in together.values()]


def standing(panel: Panel, metric: str) -> list[int]:
    """Return for each group 1 if it is best by a metric, 2 if second, else 0; equal values share a place.

    All 0 if there is nothing to rank: a single group, or a metric for which higher is not better.
    """
    values = [row.value if row else None for row in panel.cells[metric]]
    ranked = sorted({value for value in values if value is not None}, reverse=True)
    if len(values) < 2 or len(ranked) < 2 or metric.startswith(UNRANKED):
        return [0] * len(values)
    places = {value: place for place, value in enumerate(ranked[:2], 1)}
    return [0 if value is None else places.get(value, 0) for value in values]


def mark(row: Row | None) -> str:
    """Return `*` or `**` if a row differs significantly from the baseline after correction, else nothing."""
    if row is None or row.versus is None:
        return ""
    return next((sign for level, sign in LEVELS if row.versus.p_holm < level), "")


def legend(panel: Panel) -> list[str]:
    """Return what the figures and marks mean, one sentence each."""
    several = any(len(group.runs) > 1 for group in panel.groups)
    users = next((row.n for _, row in panel.rows() if row.n is not None), None)
    sentences = [f"{users:,} users."] if users else []
    if all(row.by_validation for _, row in panel.rows()):
        sentences.append("Each run was tested at its best epoch on validation.")
    if several:
        sentences.append("Mean ± sample standard deviation over seeds.")
    if panel.baseline is not None:
        sentences.append(
            f"*, **: differs from {panel.baseline} at p < 0.05, 0.01 (paired randomisation test over users, runs "
            "averaged first, Holm-corrected per metric)."
        )
    return [*sentences, *panel.notes]


def _selected_by(summaries: Sequence[Summary]) -> list[str]:
    return [name for summary in summaries if (name := summary.get("select_by"))]


def _place(under: Conditions) -> tuple[str, str, str, str]:
    return under.protocol, under.dataset, under.fingerprint, under.negatives


def _panel(boards: Sequence[Board]) -> Panel:
    first = boards[0]
    groups = {group.run_ids[0]: group for board in boards for group in board.groups}
    by_metric = {board.metric: {row.run_id: row for row in board.rows} for board in boards}
    notes = dict.fromkeys(note for board in boards for note in notes_of(board))
    return Panel(
        protocol=first.protocol,
        dataset=first.dataset,
        fingerprint=first.fingerprint,
        negatives=first.negatives,
        metrics=tuple(by_metric),
        groups=tuple(groups.values()),
        cells={name: tuple(rows.get(run_id) for run_id in groups) for name, rows in by_metric.items()},
        baseline=next((board.baseline for board in boards if board.baseline), None),
        notes=tuple(notes),
    )
