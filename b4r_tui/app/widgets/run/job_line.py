"""One line that tells how far an action on a run is; not there when nothing is under way."""

from __future__ import annotations

from rich.text import Text
from textual.widgets import Static

from b4r_tui.app.jobs import Job
from b4r_tui.app.widgets import numbers
from b4r_tui.app.widgets.palette import palette_of

BAR = 32  # characters


class JobLine(Static):
    """Title, phase and a bar."""

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
            line.append_text(numbers.bar(job.share, BAR, palette.running, palette.faint))
        return line
