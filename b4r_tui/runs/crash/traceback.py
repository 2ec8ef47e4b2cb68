"""Reads Python tracebacks: the last frame of our own code, and whether an error only echoes another rank's."""

from __future__ import annotations

import re
import sysconfig
from collections.abc import Sequence
from pathlib import Path

import engine

_FRAME = re.compile(r'File "([^"]+)", line (\d+), in (\S+)')
_ECHO = re.compile(
    r"Connection closed by peer|Connection reset by peer|Broken pipe|ncclRemoteError|NCCL.*remote process exited|"
    r"Socket closed|failed to recv, got 0 bytes|Timed out waiting \d+ms for (?:recv|send) operation|"
    r"Application timeout caused pair closure|connectFullMesh failed"
)
_OURS = Path(engine.__file__).resolve().parent.parent
_LIBRARIES = tuple({sysconfig.get_path(name) for name in ("stdlib", "purelib", "platlib")})
_OUR_PACKAGES = ("engine", "b4r_tui")


def is_echo(text: str) -> bool:
    """Return whether a message only reports that another rank has died."""
    return bool(_ECHO.search(text))


def last_own_frame(lines: Sequence[str]) -> str | None:
    """Return the last frame of ours, else outside libraries, else the last: `engine/data/loader.py:88 in _batch`."""
    frames = [(match[1], match[2], match[3]) for line in lines if (match := _FRAME.search(line))]
    ours = [frame for frame in frames if _is_ours(frame[0])]
    outside = [frame for frame in frames if not frame[0].startswith((*_LIBRARIES, "<"))]
    chosen = (ours or outside or frames)[-1:]
    return f"{_shown(chosen[0][0])}:{chosen[0][1]} in {chosen[0][2]}" if chosen else None


def _is_ours(file: str) -> bool:
    return any(file.startswith(f"{_OURS / package}/") for package in _OUR_PACKAGES)


def _shown(file: str) -> str:
    return str(Path(file).relative_to(_OURS)) if _is_ours(file) else file
