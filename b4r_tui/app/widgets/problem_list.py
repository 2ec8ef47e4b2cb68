"""The problems of the experiments file, shown in place of the experiments, with how to fix them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.widgets import Static

from b4r_tui.app.widgets.palette import Palette, palette_of

if TYPE_CHECKING:
    from b4r_tui.experiments.load import FileProblem

HINT = "Press e to fix it here, or E to open the file in $EDITOR; it is reloaded when saved."


class ProblemList(VerticalScroll):
    """A scrollable list of all problems, each with its line and key."""

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
        """Yield the text."""
        yield Static(id="problem-text")

    def show(self, problems: tuple[FileProblem, ...]) -> None:
        """Show these problems."""
        if problems != self._problems:
            self._problems = problems
            self.redraw()

    def redraw(self) -> None:
        """Redraw, also in the colours of a new theme."""
        self.query_one("#problem-text", Static).update(problem_text(self._problems, palette_of(self.app)))


def problem_text(problems: tuple[FileProblem, ...], palette: Palette) -> Text:
    """Return each problem as `file:line: key`, with its sentence below."""
    count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
    text = Text.assemble((f"✗ {count}", f"bold {palette.failed}"), "\n")
    for problem in problems:
        place = problem.path.name + (f":{problem.line}" if problem.line else "")
        text.append(f"\n{place}", palette.stopped)
        if problem.key:
            text.append(f": {problem.key}", "bold")
        text.append(f"\n{problem.sentence}\n")
    return text.append(f"\n{HINT}", palette.faint)
