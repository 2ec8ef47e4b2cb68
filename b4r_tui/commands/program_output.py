"""How commands show the progress of the engine's programs and read their results."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from b4r_tui.reports.table import console
from b4r_tui.runs.programs.progress import OnProgress
from engine.contract.atomic_files import read_json
from engine.contract.errors import B4RError, ExitCode


@contextmanager
def progress_bars(titles: Mapping[str, str]) -> Iterator[OnProgress]:
    """Show a bar on standard error for each phase that has a title and is reported; none outside of a terminal."""
    errors = console(stderr=True)
    columns = (TextColumn("{task.description:18}"), BarColumn(), TextColumn("{task.percentage:3.0f} %"))
    hidden = not (titles and errors.is_terminal)
    with Progress(*columns, TimeRemainingColumn(), console=errors, disable=hidden) as progress:
        tasks = {
            phase: progress.add_task(title, total=None, visible=False) for phase, title in titles.items()
        }

        def on_progress(phase: str, step: int, steps: int) -> None:
            if phase in tasks:
                progress.update(tasks[phase], completed=step, total=steps or None, visible=True)

        yield on_progress


def read_result(path: Path) -> dict[str, Any]:
    """Return the result that a program has written. Raises B4RError if it cannot be read."""
    result = read_json(path)
    if result is None:
        raise B4RError(f"{path}: the result cannot be read; run the command again", ExitCode.RUN_FAILED)
    return result
