"""How runs or groups of runs differ, as tables."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console

from b4r_tui.common.format import NOTHING, interval, plural, whole
from b4r_tui.reports.leaderboard import mean_and_sd, p_value
from b4r_tui.reports.table import Column, ReportTable, show, text
from b4r_tui.results.compare import Comparison, Side


def print_comparison(comparison: Comparison, console: Console) -> None:
    """Print the settings that differ, all metrics, then each side's difference from the baseline."""
    for table in (settings_table(comparison), metrics_table(comparison), versus_table(comparison)):
        show(table, console)
        console.print()
    console.print(
        f"p: paired randomisation test over {whole(comparison.users)} users, averaged over runs, "
        "Holm-corrected over the rows",
        style="dim",
        soft_wrap=True,
    )
    for note in notes(comparison):
        console.print(note, style="dim", soft_wrap=True)


def settings_table(comparison: Comparison) -> ReportTable:
    """Return the settings that differ, with one column per side."""
    columns = [Column("setting"), *(Column(side.name) for side in comparison.sides)]
    rows = [
        [text(setting.key), *(text(shown(values)) for values in setting.values)]
        for setting in comparison.settings
    ]
    return ReportTable("Settings that differ" if rows else "No setting differs", columns, rows)


def metrics_table(comparison: Comparison) -> ReportTable:
    """Return every metric that all sides have, with one column per side."""
    columns = [Column("metric"), *(Column(side.name, right=True) for side in comparison.sides)]
    rows = [
        [
            text(name),
            *(text(mean_and_sd(side.scores[name].value, side.scores[name].sd)) for side in comparison.sides),
        ]
        for name in comparison.sides[0].scores
    ]
    return ReportTable(f"Test metrics, {conditions_of(comparison)}", columns, rows)


def versus_table(comparison: Comparison) -> ReportTable:
    """Return the chosen metric of each side with its interval, and its difference from the baseline."""
    columns = [
        Column("experiment"),
        Column("runs", right=True, spare=3),
        Column(comparison.metric, right=True),
        Column("95 % interval", spare=2),
        Column("over", spare=4),
        Column("difference", right=True),
        Column("95 % interval", spare=1),
        Column("p", right=True),
        Column("p (seeds)", right=True, spare=5),
        Column("win/tie/loss", right=True),
    ]
    rows = [
        [text(cell) for cell in (*_score_cells(side, comparison.metric), *_versus_cells(side))]
        for side in comparison.sides
    ]
    return ReportTable(f"{comparison.metric} vs. {comparison.baseline}, paired by user", columns, rows)


def conditions_of(comparison: Comparison) -> str:
    """Return protocol, users and data in a few words."""
    sampled = f" with negatives {comparison.negatives[:8]}" if comparison.negatives else ""
    data = f"{comparison.dataset} {comparison.fingerprint[:8]}".strip()
    return f"protocol {comparison.protocol}{sampled}, {whole(comparison.users)} users, data {data}"


def notes(comparison: Comparison) -> list[str]:
    """Return which runs are not counted, and why."""
    lines = []
    for side in comparison.sides:
        if side.repeats:
            lines.append(
                f"{side.name}: {plural(len(side.repeats), 'older run')} with the same seeds not counted"
            )
        if side.left_out:
            lines.append(f"{side.name}: {plural(len(side.left_out), 'run')} with other settings not counted")
    return lines


def shown(values: Sequence[object]) -> str:
    """Return the values of a setting on one side."""
    return ", ".join("unset" if value is None else str(value) for value in values)


def _score_cells(side: Side, metric: str) -> list[str]:
    score = side.scores[metric]
    value = mean_and_sd(score.value, score.sd)
    return [side.name, str(len(side.run_ids)), value, interval(score.low, score.high), score.over]


def _versus_cells(side: Side) -> list[str]:
    versus = side.versus
    if versus is None:
        return ["baseline", "", "", "", ""]
    seeds = NOTHING if versus.p_seeds is None else p_value(versus.p_seeds)
    return [
        f"{versus.difference:+.4f}",
        f"{versus.low:+.4f} to {versus.high:+.4f}",
        p_value(versus.p_holm),
        seeds,
        f"{whole(versus.wins)}/{whole(versus.ties)}/{whole(versus.losses)}",
    ]
