"""The runs root, the terminal, the editor and the batch system."""

from __future__ import annotations

import os
import shutil
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

from b4r_tui.commands.doctor.check import Check, judged
from b4r_tui.runs.ownership import check_root
from engine.contract.errors import B4RError


def surroundings(root: Path) -> Iterator[Check]:
    """All of them."""
    yield _root(root)
    yield from _terminal()
    editor = os.environ.get("VISUAL") or os.environ.get("EDITOR")
    yield Check("editor", "ok", editor or "none set ($VISUAL, $EDITOR); the app has one of its own")
    slurm = shutil.which("sinfo")
    yield Check("slurm", "ok", f"there, {slurm}" if slurm else "not here; runs start on this machine")


def _root(root: Path) -> Check:
    try:
        check_root(root)
    except B4RError as error:
        return Check("runs root", "problem", error.sentence, "chmod go-w, chown, or another --runs")
    if not root.exists():
        return Check("runs root", "ok", f"{root} does not exist yet; it will be made, for you alone")
    found = root.stat()
    mode = stat.S_IMODE(found.st_mode)
    writes = os.access(root, os.W_OK | os.X_OK)
    told = f"{root}, mode {mode:04o}, owner {found.st_uid}"
    return judged("runs root", told, writes, "choose a folder you can write with --runs", grave=True)


def _terminal() -> Iterator[Check]:
    if not sys.stdout.isatty():
        yield Check("terminal", "ok", "output is no terminal; use --run there, the app needs one")
        return
    size, term = shutil.get_terminal_size(), os.environ.get("TERM", "")
    yield judged(
        "terminal size",
        f"{size.columns} x {size.lines}",
        size.columns >= 80 and size.lines >= 24,
        "make it 80 x 24",
    )
    colours = (
        "24 bit"
        if os.environ.get("COLORTERM") in ("truecolor", "24bit")
        else "256"
        if "256" in term
        else "few"
    )
    yield judged(
        "colours", f"{colours} (TERM={term})", term not in ("", "dumb"), "set TERM, such as xterm-256color"
    )
    encoding = (sys.stdout.encoding or "").lower()
    yield judged("unicode", encoding, encoding.startswith("utf"), "set a UTF-8 locale, such as LANG=C.UTF-8")
