"""Checks of the runs root, the terminal, the editor and the job scheduler."""

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


def site(root: Path) -> Iterator[Check]:
    """Yield all checks."""
    yield _root(root)
    yield from _terminal()
    editor = os.environ.get("VISUAL") or os.environ.get("EDITOR")
    yield Check("editor", "ok", editor or "not set ($VISUAL, $EDITOR); the app uses its own")
    slurm = shutil.which("sinfo")
    yield Check(
        "slurm", "ok", f"available, {slurm}" if slurm else "not available; runs start on this machine"
    )


def _root(root: Path) -> Check:
    try:
        check_root(root)
    except B4RError as error:
        return Check("runs root", "problem", error.sentence, "use chmod go-w or chown, or another --runs")
    if not root.exists():
        return Check("runs root", "ok", f"{root} does not exist yet; it will be created, private to you")
    found = root.stat()
    mode = stat.S_IMODE(found.st_mode)
    writes = os.access(root, os.W_OK | os.X_OK)
    details = f"{root}, mode {mode:04o}, owner {found.st_uid}"
    return judged("runs root", details, writes, "choose a writable folder with --runs", required=True)


def _terminal() -> Iterator[Check]:
    if not sys.stdout.isatty():
        yield Check("terminal", "ok", "not a terminal: the app needs one, use --run")
        return
    size, term = shutil.get_terminal_size(), os.environ.get("TERM", "")
    yield judged(
        "terminal size",
        f"{size.columns} x {size.lines}",
        size.columns >= 80 and size.lines >= 24,
        "resize it to 80 x 24 or more",
    )
    colours = (
        "24 bit"
        if os.environ.get("COLORTERM") in ("truecolor", "24bit")
        else "256"
        if "256" in term
        else "few"
    )
    yield judged(
        "colours", f"{colours} (TERM={term})", term not in ("", "dumb"), "set TERM, e.g. to xterm-256color"
    )
    encoding = (sys.stdout.encoding or "").lower()
    yield judged("unicode", encoding, encoding.startswith("utf"), "set a UTF-8 locale, e.g. LANG=C.UTF-8")
