"""The ends of a run's logs, followed live: the launcher's and each rank's, told apart by a faint prefix."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.text import Text
from textual import work
from textual.message import Message
from textual.widgets import RichLog
from textual.worker import get_current_worker

from b4r_tui.widgets.palette import palette_of

if TYPE_CHECKING:
    from b4r_tui.feed import RunView
    from b4r_tui.runs.logs import LogTail
    from b4r_tui.runs.store import Run

FIRST_LINES = 1000  # of each log, when a run is first looked at
MOST_LINES = 5000
LONGEST_LINE = 2000
PERIOD = 0.3


class LogView(RichLog):
    """Lines as they are written; nothing in them is taken for markup."""

    DEFAULT_CSS = """
    LogView {
        background: transparent;
        padding: 0 1;
        overflow-y: auto;
        &:focus { background-tint: transparent 0%; }
    }
    """

    @dataclass
    class Lines(Message):
        """New whole lines of a run's logs, as (log, line)."""

        run_key: str
        lines: list[tuple[str, str]]

    def __init__(self) -> None:
        super().__init__(max_lines=MOST_LINES, wrap=False, markup=False, highlight=False, min_width=0)
        self._run_key = ""

    async def show(self, view: RunView) -> None:
        """Follow the logs of a run."""
        if view.key != self._run_key:
            self.clear()
            self._run_key = view.key
            self._follow(view.run, view.key)

    async def redraw(self) -> None:
        """Lines written so far keep their colours."""

    def rest(self) -> None:
        """Stop reading: nobody looks."""
        self.workers.cancel_node(self)
        self._run_key = ""

    @work(thread=True, exclusive=True, exit_on_error=False)
    def _follow(self, run: Run, key: str) -> None:
        worker = get_current_worker()
        tails: dict[Path, LogTail] = {}
        while not worker.is_cancelled:
            lines = read_lines(run, tails)
            if lines and not worker.is_cancelled:
                self.post_message(self.Lines(key, lines))
            time.sleep(PERIOD)

    def on_log_view_lines(self, message: Lines) -> None:
        """Add the lines, unless another run is shown by now."""
        if message.run_key != self._run_key:
            return
        faint = palette_of(self.app).faint
        at_end = self.is_vertical_scroll_end
        for log, line in message.lines:
            shown = line if len(line) <= LONGEST_LINE else line[:LONGEST_LINE] + "…"
            self.write(Text.assemble((f"{log:>8} │ ", faint), shown), scroll_end=at_end)


def read_lines(run: Run, tails: dict[Path, LogTail]) -> list[tuple[str, str]]:
    """New lines of all logs of a run as (log, line); `tails` remembers where each log was left."""
    from b4r_tui.runs.logs import LogTail

    lines: list[tuple[str, str]] = []
    for path in run.log_paths():
        tail = tails.setdefault(path, LogTail(path, FIRST_LINES))
        lines += [(path.stem.replace("_", " "), line) for line in tail.poll()]
    return lines
