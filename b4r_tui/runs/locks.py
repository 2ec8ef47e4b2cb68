"""File locks (flock): the only sign of life of a run, and what limits a root to one runner.

A lock is held as long as any process has its file descriptor open, so it ends with the process, however that
dies. Readers only probe with a shared lock, which never excludes another reader.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path


def hold(path: Path) -> int:
    """Take the lock, waiting until it is free, and return the file descriptor that holds it."""
    fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(fd, fcntl.LOCK_EX)
    return fd


def try_hold(path: Path) -> int | None:
    """Take the lock if it is free and return its file descriptor, else None."""
    fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(fd)
        return None
    return fd


def hold_unless_held(path: Path) -> int | None:
    """Take the lock and return its file descriptor; None only if it is really held, not just probed."""
    while (held := try_hold(path)) is None:
        if is_held(path):
            return None
    return held


def is_held(path: Path) -> bool:
    """Return whether a process holds the lock; a missing file is not held."""
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
