"""Held locks (flock): the only sign of life of a run, and what keeps a root to one runner.

A lock lives as long as any process holds its file descriptor open, so it ends with the process, however
that dies. Readers only ever probe with a shared lock, which never keeps another reader out.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path


def hold(path: Path) -> int:
    """Take the lock, waiting for a reader's probe to pass; the file descriptor that holds it."""
    fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(fd, fcntl.LOCK_EX)
    return fd


def try_hold(path: Path) -> int | None:
    """Take the lock if it is free: its file descriptor, or None."""
    fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(fd)
        return None
    return fd


def hold_unless_held(path: Path) -> int | None:
    """Take the lock; None only where somebody really holds it, and does not just probe."""
    while (held := try_hold(path)) is None:
        if is_held(path):
            return None
    return held


def is_held(path: Path) -> bool:
    """Whether a process holds the lock; a missing file is held by none."""
    try:
        fd = os.open(path, os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(fd)
    return False
