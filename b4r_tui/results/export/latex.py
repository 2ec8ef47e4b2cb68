"""LaTeX export for the package booktabs: best in bold, second underlined, marks for significance."""

from __future__ import annotations

from collections.abc import Sequence

from b4r_tui.common.format import decimal
from b4r_tui.results.board import Row
from b4r_tui.results.export.table import Panel, legend, mark, standing

_STYLES = {0: "{}", 1: r"\textbf{{{}}}", 2: r"\underline{{{}}}"}
_SPECIAL = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "±": r"$\pm$",
    "–": "--",
    **{sign: f"\\{sign}" for sign in "&%$#_{}"},
}


def as_latex(panels: Sequence[Panel]) -> str:
    """Return one table environment per panel, after a comment on what the preamble needs."""
    return "\n".join(["% needs \\usepackage{booktabs}", *(_panel(panel) for panel in panels)])


def escaped(text: str) -> str:
    """Return the text with LaTeX's special characters escaped."""
    return "".join(_SPECIAL.get(sign, sign) for sign in text)


def _panel(panel: Panel) -> str:
    places = {metric: standing(panel, metric) for metric in panel.metrics}
    rows = [
        [
            escaped(group.name),
            str(len(group.runs)),
            *(_cell(panel.cells[metric][index], places[metric][index]) for metric in panel.metrics),
        ]
        for index, group in enumerate(panel.groups)
    ]
    return "\n".join(
        [
            r"\begin{table}",
            r"  \centering",
            f"  \\caption{{{escaped(f'{panel.title}. ' + ' '.join(legend(panel)))}}}",
            f"  \\begin{{tabular}}{{lr{'r' * len(panel.metrics)}}}",
            r"    \toprule",
            f"    {_line(['experiment', 'seeds', *map(escaped, panel.metrics)])}",
            r"    \midrule",
            *(f"    {_line(row)}" for row in rows),
            r"    \bottomrule",
            r"  \end{tabular}",
            r"\end{table}",
            "",
        ]
    )


def _cell(row: Row | None, place: int) -> str:
    if row is None:
        return "--"
    spread = "" if row.sd is None else f" $\\pm$ {decimal(row.sd)}"
    sign = f"$^{{{mark(row)}}}$" if mark(row) else ""
    return _STYLES[place].format(decimal(row.value)) + spread + sign


def _line(cells: Sequence[str]) -> str:
    return " & ".join(cells) + r" \\"
