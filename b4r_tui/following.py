"""Follows a program of the engine that tells its progress as JSON lines, and shows how far it is."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

Told = Callable[[str, int, int], None]  # phase, step, steps


def follow(process: subprocess.Popen[str], told: Told) -> dict[str, Any]:
    """Pass progress on until the program is silent for good; the first `failed`, else the last message.

    Of several ranks the first that fails is the one to blame: the others lose their peer.
    """
    failed, message = None, {}
    for line in process.stdout or ():
        try:
            message = json.loads(line)
        except ValueError:
            continue  # a library that talks
        if message.get("type") == "progress":
            told(message["phase"], message["step"], message["steps"])
        elif message.get("type") == "failed":
            failed = failed or message
    return failed or message


@contextmanager
def bars(console: Console, titles: dict[str, str]) -> Iterator[Told]:
    """A bar for each phase that is told of, on a terminal; nothing elsewhere. titles: phase → what it is called."""
    columns = (TextColumn("{task.description:18}"), BarColumn(), TextColumn("{task.percentage:3.0f} %"))
    with Progress(
        *columns, TimeRemainingColumn(), console=console, disable=not console.is_terminal
    ) as progress:
        tasks = {
            phase: progress.add_task(title, total=None, visible=False) for phase, title in titles.items()
        }
        yield lambda phase, step, steps: progress.update(
            tasks[phase], completed=step, total=steps, visible=True
        )
