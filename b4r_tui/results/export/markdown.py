"""Markdown export: best in bold, second underlined, marks for significance."""

from __future__ import annotations

import re
from collections.abc import Sequence

from b4r_tui.common.format import NOTHING, decimal
from b4r_tui.results.board import Row
from b4r_tui.results.export.table import Panel, legend, mark, standing

_STYLES = {0: "{}", 1: "**{}**", 2: "<u>{}</u>"}


def as_markdown(panels: Sequence[Panel]) -> str:
    """Return a heading, a table and its legend for each panel."""
    return "\n".join(_panel(panel) for panel in panels)


def escaped(text: str) -> str:
    """Return the text with Markdown's special characters escaped, for a table cell."""
    return re.sub(r"([\\`*_{}\[\]<>|#~&])", r"\\\1", text)


def _panel(panel: Panel) -> str:
    header = ["experiment", "seeds", *panel.metrics]
    lines = [
        f"### {escaped(panel.title)}",
        "",
        _line(header),
        _line(["---", *(["---:"] * (len(header) - 1))]),
    ]
    places = {metric: standing(panel, metric) for metric in panel.metrics}
    for index, group in enumerate(panel.groups):
        cells = [_cell(panel.cells[metric][index], places[metric][index]) for metric in panel.metrics]
        lines.append(_line([escaped(group.name), str(len(group.runs)), *cells]))
    return "\n".join([*lines, "", *(escaped(sentence) for sentence in legend(panel)), ""])


def _cell(row: Row | None, place: int) -> str:
    if row is None:
        return NOTHING
    spread = "" if row.sd is None else f" ± {decimal(row.sd)}"
    return _STYLES[place].format(decimal(row.value)) + spread + escaped(mark(row))


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
