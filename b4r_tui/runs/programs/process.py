"""Runs one of the engine's programs to completion and passes on its messages (`engine.contract.messages`)."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence

from b4r_tui.runs.programs.progress import Message, OnMessage, OnProgress, follow
from b4r_tui.runs.store import Run
from engine.contract import run_folder
from engine.contract.atomic_files import private
from engine.contract.errors import B4RError, ExitCode


def run_program(
    run: Run,
    module: str,
    arguments: Sequence[str],
    log: str,
    on_progress: OnProgress,
    on_message: OnMessage = lambda _: None,
) -> Message:
    """Run `python -m module RUN_DIR arguments` and return its message `done`. Its standard error goes to logs/<log>.

    on_progress: gets each step, and the last one again while the program is silent; if it raises, the program is
    killed. on_message: gets all other messages. Raises B4RError with the program's error, or where its log is.
    """
    path = run.dir / run_folder.LOGS / log
    path.parent.mkdir(mode=0o700, exist_ok=True)
    command = [sys.executable, "-m", module, str(run.dir), *arguments]
    with private(path) as errors:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, umask=0o077)
    try:
        last = follow(process, on_progress, on_message)
        code = process.wait()
    finally:
        process.kill()  # does nothing if it has ended
        process.wait()
    if last.get("type") == "done":
        return last
    if last.get("type") == "failed":
        raise B4RError(last["error"], ExitCode(code))
    raise B4RError(f"the program ended with exit code {code}; see {path}", ExitCode.RUN_FAILED)
