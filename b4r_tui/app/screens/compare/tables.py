"""The tables of the compare screen in the colours of its theme; nothing is shown by colour alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from rich.text import Text

from b4r_tui.app.widgets.palette import Palette
from b4r_tui.app.widgets.run.overlay import colour_of
from b4r_tui.app.widgets.run.results_tab import ordered
from b4r_tui.common.format import interval, metric_label
from b4r_tui.reports.comparison import shown, versus_table
from b4r_tui.reports.leaderboard import mean_and_sd
from b4r_tui.reports.table import Column, ReportTable, text
from b4r_tui.results.board import Versus
from b4r_tui.results.compare import Comparison, Setting
from b4r_tui.results.export.table import UNRANKED

BAR_WIDTH = 12


def groups_table(comparison: Comparison, palette: Palette) -> ReportTable:
    """Return one row per group: its value, its difference from the baseline with significance, users won and lost."""
    table = versus_table(comparison)
    rows = []
    for place, (side, row) in enumerate(zip(comparison.sides, table.rows, strict=True)):
        cells = [cell.copy() for cell in row]
        for cell in (cells[3], cells[4], cells[6]):
            cell.stylize(palette.faint)
        if side.versus is not None and side.versus.significant:
            better = side.versus.difference > 0
            cells[5].stylize(f"bold {palette.finished if better else palette.failed}")
            cells[7].append(" *").stylize("bold")
        bar = wins_bar(side.versus, palette) if side.versus else text()
        if side.versus is None:
            cells[5].stylize(palette.faint)
        rows.append([group_number(place, palette), *cells, bar])
    columns = [Column("#"), *table.columns, Column("+ = −", spare=6)]
    return replace(table, columns=columns, rows=rows)


def metrics_table(comparison: Comparison, palette: Palette) -> ReportTable:
    """Return one row per metric, a value and interval per group; the best is underlined, the tested metric marked."""
    columns = [Column(""), Column("metric")]
    for side in comparison.sides:
        columns += [Column(side.name, right=True), Column("95 % interval", spare=2)]
    rows = []
    for name in ordered(list(comparison.sides[0].scores)):
        scores = [side.scores[name] for side in comparison.sides]
        best = max(score.value for score in scores)
        ranked = not name.startswith(UNRANKED) and len({score.value for score in scores}) > 1
        row = [Text("▸" if name == comparison.metric else " ", palette.second), text(metric_label(name))]
        for score in scores:
            style = f"bold underline {palette.finished}" if ranked and score.value == best else ""
            row += [
                text(mean_and_sd(score.value, score.sd), style),
                text(interval(score.low, score.high), palette.faint),
            ]
        rows.append(row)
    return ReportTable("", columns, rows)


def settings_table(
    settings: Sequence[Setting], names: Sequence[str], baseline: int, palette: Palette
) -> ReportTable:
    """Return one row per setting that differs, one column per group; values other than the baseline's are marked."""
    columns = [
        Column("setting"),
        *(Column(f"  {name}") for name in names),
    ]  # aligned with the values, not their signs
    rows = [
        [
            text(setting.key, palette.strong),
            *(_value(setting, place, baseline, palette) for place in range(len(names))),
        ]
        for setting in settings
    ]
    return ReportTable("", columns, rows)


def wins_bar(versus: Versus, palette: Palette, width: int = BAR_WIDTH) -> Text:
    """Return the shares of users won, tied and lost; each that is not empty gets at least one character."""
    counts = (versus.wins, versus.ties, versus.losses)
    users = sum(counts) or 1
    wins, losses = (0 if not n else max(1, round(n / users * width)) for n in (versus.wins, versus.losses))
    least = 1 if versus.ties else 0
    while wins + losses > width - least:
        wins, losses = (wins - 1, losses) if wins >= losses else (wins, losses - 1)
    ties = width - wins - losses
    return Text.assemble(
        ("+" * wins, palette.finished), ("·" * ties, palette.faint), ("−" * losses, palette.failed)
    )


def group_number(place: int, palette: Palette) -> Text:
    """Return the number of a group in the colour of its curves."""
    return Text(f"{place + 1} ━", f"bold {colour_of(place, palette)}")


def _value(setting: Setting, place: int, baseline: int, palette: Palette) -> Text:
    values = shown(setting.values[place])
    differs = setting.values[place] != setting.values[baseline]
    return text(f"≠ {values}", f"bold {palette.second}") if differs else text(f"  {values}", palette.faint)
