"""The status line of the editor and the list of problems below its text."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from b4r_tui.app.widgets.palette import Palette
from b4r_tui.common.format import plural
from b4r_tui.experiments.editing.analysis import CheckResult
from b4r_tui.experiments.file_problem import FileProblem

SHOWN_PROBLEMS = 6


def status_line(file_name: str, unsaved: bool, result: CheckResult, palette: Palette) -> Table:
    """Return the file and whether it has unsaved changes on the left; runs and problems on the right."""
    line = Table.grid(expand=True, padding=(0, 2, 0, 0))
    line.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
    line.add_column(justify="right", no_wrap=True)
    left = Text.assemble(("b4r-tui", f"bold {palette.running}"), "  ", (file_name, palette.strong))
    left.append("  ● unsaved" if unsaved else "", palette.second)
    right = Text(f"{plural(result.runs, 'run')}   " if result.runs else "", palette.faint)
    if result.problems:
        right.append(f"✗ {plural(len(result.problems), 'problem')}", palette.failed)
    else:
        right.append("✓ valid", palette.finished)
    line.add_row(left, right)
    return line


def problem_lines(problems: Sequence[FileProblem], palette: Palette) -> Text:
    """Return the first problems, one per line, each with its line and key."""
    text = Text()
    for problem in problems[:SHOWN_PROBLEMS]:
        text.append("\n" if text else "")
        text.append(f"line {problem.line}: " if problem.line else "", palette.stopped)
        text.append(f"{problem.key}: " if problem.key else "", "bold")
        text.append(problem.sentence, palette.failed)
    return text
