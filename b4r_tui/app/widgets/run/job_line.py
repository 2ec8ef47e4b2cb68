"""The line with the progress of a program on a run; hidden when none is running."""

from __future__ import annotations

from rich.text import Text
from textual.widgets import Static

from b4r_tui.app.jobs import Job
from b4r_tui.app.widgets.drawing import progress_bar
from b4r_tui.app.widgets.palette import palette_of

BAR_WIDTH = 32


class JobLine(Static):
    """Shows title, phase and a progress bar."""

    DEFAULT_CSS = """
    JobLine { height: 1; padding: 0 1; display: none; text-wrap: nowrap; text-overflow: ellipsis; }
    """

    def show(self, job: Job | None) -> None:
        """Show a job as it is now, or hide."""
        self.display = job is not None
        if job is not None:
            self.update(self._line(job))

    def _line(self, job: Job) -> Text:
        palette = palette_of(self.app)
        phase = job.phase or "starting"
        line = Text.assemble((f"◆ {job.title}", palette.running), "  ", (f"{phase:10}", palette.strong), " ")
        if job.share is not None:
            line.append_text(progress_bar(job.share, BAR_WIDTH, palette.running, palette.faint))
        return line
