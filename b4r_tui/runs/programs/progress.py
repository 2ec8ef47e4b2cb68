"""Follows a program of the engine through its JSON lines (`engine.contract.messages`)."""

from __future__ import annotations

import json
import os
import select
import subprocess
from collections.abc import Callable, Iterator
from typing import Any

Message = dict[str, Any]
OnProgress = Callable[[str, int, int], None]  # phase ("" before the first), step, steps
OnMessage = Callable[[Message], None]
_PATIENCE = 0.5  # seconds of silence after which the last step is reported again


def follow(
    process: subprocess.Popen[bytes], on_progress: OnProgress, on_message: OnMessage = lambda _: None
) -> Message:
    """Pass messages on until the program closes its output; return the first `failed`, else the last message or {}.

    on_progress: gets each step, and the last one again while the program is silent, so that a caller that has
    given up can raise. on_message: gets all other messages. If several ranks fail, the first is the cause: the
    others lose their peer.
    """
    failed: Message | None = None
    message: Message = {}
    step = ("", 0, 0)
    for line in _lines(process):
        if not line:
            on_progress(*step)
        parsed = _message(line)
        if parsed is None:
            continue
        message = parsed
        if message.get("type") == "progress":
            step = (message["phase"], message["step"], message["steps"])
            on_progress(*step)
            continue
        if message.get("type") == "failed":
            failed = failed or message
        on_message(message)
    return failed or message


def _message(line: bytes) -> Message | None:
    """Return the message of a line; None if it is empty or a library's output."""
    try:
        value = json.loads(line)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _lines(process: subprocess.Popen[bytes]) -> Iterator[bytes]:
    """Yield lines of standard output as they come, and an empty one after each period of silence."""
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
