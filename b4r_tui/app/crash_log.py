"""What a crash of the app leaves: a log with the traceback, and one line that says where it is."""

from __future__ import annotations

import os
import platform
import time
import traceback
from pathlib import Path

from b4r_tui import __version__
from engine.contract.atomic_files import private
from engine.contract.sanitize import sanitize

MAX_LOGS = 20  # the newest


def crash_line(error: BaseException, folder: Path, now: float | None = None) -> str:
    """Write the log of a crash; return one line with what happened and where the log is."""
    cause = cause_of(error)
    what = _one_line(f"{type(cause).__name__}: {cause}".rstrip(": "))
    try:
        log = write_log(cause, folder, time.time() if now is None else now)
    except OSError as failure:
        where = f"no log could be written to {folder}: {failure.strerror or failure}"
    else:
        where = str(log)
    return f"b4r-tui crashed: {what}. Log: {where}. Training runs are not affected."


def write_log(error: BaseException, folder: Path, now: float) -> Path:
    """Write the traceback to a file that only its owner can read. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    stamp = time.strftime("%Y%m%d-%H%M%S", time.localtime(now))
    path = folder / f"crash-{stamp}-{os.getpid()}.log"
    with private(path) as file:
        file.write(
            "\n".join([*_environment(), *traceback.format_exception(error)]).encode("utf-8", "replace")
        )
    for old in sorted(folder.glob("crash-*.log"))[:-MAX_LOGS]:
        old.unlink(missing_ok=True)
    return path


def cause_of(error: BaseException) -> BaseException:
    """Return the error itself if the failure of a worker is wrapped around it."""
    inner = getattr(error, "error", None)
    return inner if isinstance(inner, BaseException) else error


def _environment() -> list[str]:
    from importlib.metadata import version

    terminal = {
        name: os.environ.get(name, "") for name in ("TERM", "COLORTERM", "TERM_PROGRAM", "TMUX", "LANG")
    }
    return [
        f"b4r-tui {__version__}, textual {version('textual')}, Python {platform.python_version()}",
        f"{platform.platform()}; " + " ".join(f"{name}={value}" for name, value in terminal.items() if value),
        "",
    ]


def _one_line(text: str, most: int = 160) -> str:
    line = " ".join(sanitize(text).split())
    return line if len(line) <= most else f"{line[: most - 1]}…"
