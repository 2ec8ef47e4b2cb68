"""`b4r-tui compare RUN…`: what runs or groups of runs differ in, as tables or JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from b4r_tui.common.format import NOTHING, interval, plural, whole
from b4r_tui.reports.leaderboard import mean_and_sd, p_value
from b4r_tui.reports.table import Column, ReportTable, show, text
from b4r_tui.reports.table import console as make_console
from b4r_tui.results.compare import Comparison, Side, compare
from b4r_tui.results.selection import named_runs
from b4r_tui.runs.store import RunStore
from engine.contract.errors import ExitCode


def compare_runs(
    root: Path,
    names: Sequence[str],
    metric: str | None,
    baseline: str | None,
    protocol: str | None,
    as_json: bool,
) -> ExitCode:
    """Print how the runs and experiments named differ. Raises B4RError where they cannot be compared."""
    asked = [*names, *([baseline] if baseline else [])]
    found = compare(named_runs(RunStore(root), asked), baseline, metric, protocol)
    if as_json:
        sys.stdout.write(json.dumps(found.as_json(), ensure_ascii=False) + "\n")
    else:
        print_comparison(found, make_console())
    return ExitCode.OK


def print_comparison(found: Comparison, console: Console) -> None:
    """The settings that differ, all metrics, then each side beside the baseline."""
    for table in (settings_table(found), metrics_table(found), versus_table(found)):
        show(table, console)
        console.print()
    console.print(
        f"p: paired randomisation test over {whole(found.users)} users, runs averaged first, "
        "corrected by Holm for the rows",
        style="dim",
        soft_wrap=True,
    )
    for note in notes(found):
        console.print(note, style="dim", soft_wrap=True)


def settings_table(found: Comparison) -> ReportTable:
    """The settings that differ, a column a side."""
    columns = [Column("setting"), *(Column(side.name) for side in found.sides)]
    rows = [
        [text(setting.key), *(text(shown(values)) for values in setting.values)] for setting in found.settings
    ]
    return ReportTable("Settings that differ" if rows else "No setting differs", columns, rows)


def metrics_table(found: Comparison) -> ReportTable:
    """Every metric that all have, a column a side."""
    columns = [Column("metric"), *(Column(side.name, right=True) for side in found.sides)]
    rows = [
        [
            text(name),
            *(text(mean_and_sd(side.scores[name].value, side.scores[name].sd)) for side in found.sides),
        ]
        for name in found.sides[0].scores
    ]
    return ReportTable(f"Test metrics, {conditions_of(found)}", columns, rows)


def versus_table(found: Comparison) -> ReportTable:
    """The chosen metric of each side with its interval, and its difference from the baseline."""
    columns = [
        Column("experiment"),
        Column("runs", right=True, spare=3),
        Column(found.metric, right=True),
        Column("95 % interval", spare=2),
        Column("over", spare=4),
        Column("difference", right=True),
        Column("95 % interval", spare=1),
        Column("p", right=True),
        Column("p of seeds", right=True, spare=5),
        Column("win/tie/loss", right=True),
    ]
    rows = [
        [text(cell) for cell in (*_score_cells(side, found.metric), *_versus_cells(side))]
        for side in found.sides
    ]
    return ReportTable(f"{found.metric} beside {found.baseline}, user by user", columns, rows)


def conditions_of(found: Comparison) -> str:
    """Protocol, users and data in a few words."""
    sampled = f" with negatives {found.negatives[:8]}" if found.negatives else ""
    data = f"{found.dataset} {found.fingerprint[:8]}".strip()
    return f"protocol {found.protocol}{sampled}, {whole(found.users)} users, data {data}"


def notes(found: Comparison) -> list[str]:
    """Runs that are not counted, and why."""
    said = []
    for side in found.sides:
        if side.repeats:
            said.append(
                f"{side.name}: {plural(len(side.repeats), 'older run')} of the same seeds not counted"
            )
        if side.left_out:
            said.append(f"{side.name}: {plural(len(side.left_out), 'run')} of other settings not counted")
    return said


def shown(values: Sequence[object]) -> str:
    """The values of a setting on one side."""
    return ", ".join("unset" if value is None else str(value) for value in values)


def _score_cells(side: Side, metric: str) -> list[str]:
    score = side.scores[metric]
    value = mean_and_sd(score.value, score.sd)
    return [side.name, str(len(side.run_ids)), value, interval(score.low, score.high), score.over]


def _versus_cells(side: Side) -> list[str]:
    found = side.versus
    if found is None:
        return ["baseline", "", "", "", ""]
    seeds = NOTHING if found.p_seeds is None else p_value(found.p_seeds)
    return [
        f"{found.difference:+.4f}",
        f"{found.low:+.4f} to {found.high:+.4f}",
        p_value(found.p_holm),
        seeds,
        f"{whole(found.wins)}/{whole(found.ties)}/{whole(found.losses)}",
    ]
