"""What is wrong with the experiments file, in the place of the experiments, with the way to mend it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.widgets import Static

from b4r_tui.app.widgets.palette import Palette, palette_of

if TYPE_CHECKING:
    from b4r_tui.experiments.load import FileProblem

MEND = "Press e to mend the file here, or E to open it in $EDITOR; it is read again when it is saved."


class ProblemList(VerticalScroll):
    """All problems at once, each with its line and key."""

    DEFAULT_CSS = """
    ProblemList {
        padding: 0 1;
        background: transparent;
    }
    """

    def __init__(self) -> None:
        super().__init__(id="problems")
        self._problems: tuple[FileProblem, ...] = ()

    def compose(self) -> ComposeResult:
        """One text; it scrolls."""
        yield Static(id="problem-text")

    def show(self, problems: tuple[FileProblem, ...]) -> None:
        """Show these problems."""
        if problems != self._problems:
            self._problems = problems
            self.redraw()

    def redraw(self) -> None:
        """Draw again, in the colours of a new theme."""
        self.query_one("#problem-text", Static).update(problem_text(self._problems, palette_of(self.app)))


def problem_text(problems: tuple[FileProblem, ...], palette: Palette) -> Text:
    """Each problem as `file:line: key` and, below it, its sentence."""
    count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
    text = Text.assemble((f"✗ {count}", f"bold {palette.failed}"), "\n")
    for problem in problems:
        place = problem.path.name + (f":{problem.line}" if problem.line else "")
        text.append(f"\n{place}", palette.stopped)
        if problem.key:
            text.append(f": {problem.key}", "bold")
        text.append(f"\n{problem.sentence}\n")
    return text.append(f"\n{MEND}", palette.faint)
