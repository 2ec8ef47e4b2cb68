"""Runs one of the engine's programs to its end and passes on what it says: JSON lines, as in `engine.messages`."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from b4r_tui.runs.store import Run
from engine.errors import B4RError, ExitCode

Told = Callable[[str, int, int], None]  # phase, step, steps
Message = dict[str, Any]
_PATIENCE = 0.5  # seconds of silence after which the last step is told again


def run_program(
    run: Run, module: str, arguments: Sequence[str], log: str, told: Told, heard: Callable[[Message], None]
) -> Message:
    """Run `python -m module RUN_DIR arguments`; its message `done`. Its standard error goes to logs/<log>.

    told: each step, and the last one again where the program is silent; whatever it raises ends the program.
    heard: all other messages. Raises B4RError with what the program says, or where its log is if it says nothing.
    """
    path = run.dir / "logs" / log
    path.parent.mkdir(mode=0o700, exist_ok=True)
    command = [sys.executable, "-m", module, str(run.dir), *arguments]
    with path.open("wb") as errors:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors)
    try:
        last = _follow(process, told, heard)
        code = process.wait()
    finally:
        process.kill()  # does nothing to one that has ended
        process.wait()
    if last.get("type") == "done":
        return last
    if last.get("type") == "failed":
        raise B4RError(last["error"], ExitCode(code))
    raise B4RError(f"the program ended with exit code {code}; {path} says why", ExitCode.RUN_FAILED)


def _follow(process: subprocess.Popen[bytes], told: Told, heard: Callable[[Message], None]) -> Message:
    """Pass messages on until the program is silent for good; the last one, {} where there was none."""
    message: Message = {}
    step = ("", 0, 0)
    for line in _lines(process):
        try:
            found = json.loads(line) if line else None
        except ValueError:
            continue  # a library that talks
        if not isinstance(found, dict):
            told(*step)
            continue
        message = found
        if message.get("type") == "progress":
            step = (message["phase"], message["step"], message["steps"])
            told(*step)
        else:
            heard(message)
    return message


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
