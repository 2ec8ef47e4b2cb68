"""Follows a program of the engine through its JSON lines (`engine.contract.messages`) and shows its progress."""

from __future__ import annotations

import json
import os
import select
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

Message = dict[str, Any]
OnProgress = Callable[[str, int, int], None]  # phase ("" before the first), step, steps
OnMessage = Callable[[Message], None]
_PATIENCE = 0.5  # seconds of silence after which the last step is told again


def follow(process: subprocess.Popen[bytes], told: OnProgress, heard: OnMessage = lambda _: None) -> Message:
    """Pass messages on until the program is silent for good; the first `failed`, else the last message or {}.

    told: each step, and the last one again where the program is silent, so that whoever has left can say so by
    raising. heard: all other messages. Of several ranks the first that fails is the one to blame: the others lose
    their peer.
    """
    failed: Message | None = None
    message: Message = {}
    step = ("", 0, 0)
    for line in _lines(process):
        if not line:
            told(*step)
        found = _message(line)
        if found is None:
            continue
        message = found
        if message.get("type") == "progress":
            step = (message["phase"], message["step"], message["steps"])
            told(*step)
            continue
        if message.get("type") == "failed":
            failed = failed or message
        heard(message)
    return failed or message


@contextmanager
def bars(console: Console, titles: dict[str, str]) -> Iterator[OnProgress]:
    """A bar for each phase that is told of, on a terminal; nothing elsewhere. titles: phase → what it is called."""
    columns = (TextColumn("{task.description:18}"), BarColumn(), TextColumn("{task.percentage:3.0f} %"))
    hidden = not console.is_terminal
    with Progress(*columns, TimeRemainingColumn(), console=console, disable=hidden) as progress:
        tasks = {name: progress.add_task(title, total=None, visible=False) for name, title in titles.items()}

        def told(phase: str, step: int, steps: int) -> None:
            if phase:
                progress.update(tasks[phase], completed=step, total=steps, visible=True)

        yield told


def _message(line: bytes) -> Message | None:
    """What a line says; None where it is empty or a library talks."""
    try:
        found = json.loads(line)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _lines(process: subprocess.Popen[bytes]) -> Iterator[bytes]:
    """Lines of standard output as they come; an empty one after each spell of silence."""
    assert process.stdout is not None
    descriptor, rest = process.stdout.fileno(), b""
    while True:
        if not select.select([descriptor], [], [], _PATIENCE)[0]:
            yield b""
            continue
        block = os.read(descriptor, 1 << 16)
        if not block:
            break
        *lines, rest = (rest + block).split(b"\n")
        yield from (line for line in lines if line)
    if rest:
        yield rest
