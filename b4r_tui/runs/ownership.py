"""Checks that a runs root can be trusted: anybody who may write there could make us run their commands.

A run folder's settings name a script and environment variables, so its writers decide what a resumed run does.
"""

from __future__ import annotations

import grp
import os
import pwd
import stat
from contextlib import suppress
from pathlib import Path

from engine.contract.errors import B4RError, ExitCode

SHARED_VARIABLE = "B4R_SHARED_ROOT"  # 1: the runs root is shared with trusted people


def check_root(root: Path) -> None:
    """Refuse a runs root that belongs to another user, or that others may write to; a missing one is fine.

    Raises B4RError (environment). The owner may be we or root. A group may write if it has no other member, and
    everybody if the sticky bit protects names, as in /tmp; our own folders in it are then checked on use.
    """
    if os.environ.get(SHARED_VARIABLE) == "1":
        return
    try:
        found = root.stat()
    except OSError:
        return
    reason = _distrusted(found)
    if reason:
        raise B4RError(
            f"{root}: {reason}, who could run commands as you; choose another folder with --runs, fix it "
            f"(chmod go-w, chown), or set {SHARED_VARIABLE}=1 if you trust them",
            ExitCode.ENVIRONMENT,
        )


def check_folder(folder: Path) -> None:
    """Refuse an experiment's folder that is a link out of the root, or another user's. Raises B4RError."""
    try:
        found = folder.lstat()
    except OSError:
        return
    if stat.S_ISLNK(found.st_mode):
        raise B4RError(
            f"{folder}: is a symbolic link, so its runs would be outside of the runs root; remove it",
            ExitCode.ENVIRONMENT,
        )
    check_root(folder)


def _distrusted(found: os.stat_result) -> str | None:
    if found.st_uid not in (os.geteuid(), 0):
        return f"belongs to {_user(found.st_uid)}"
    if found.st_mode & stat.S_ISVTX:
        return None
    if found.st_mode & stat.S_IWOTH:
        return "can be written by every user"
    if found.st_mode & stat.S_IWGRP and not _is_ours_alone(found.st_gid):
        return "can be written by the users of its group"
    return None


def _is_ours_alone(group: int) -> bool:
    """Return whether no other user is in the group: our primary one, with our name or no other member, or root's."""
    if group == 0:
        return True
    with suppress(KeyError):
        mine, entry = pwd.getpwuid(os.geteuid()), grp.getgrgid(group)
        return (
            group == mine.pw_gid and entry.gr_name == mine.pw_name and not set(entry.gr_mem) - {mine.pw_name}
        )
    return False


def _user(uid: int) -> str:
    with suppress(KeyError):
        return pwd.getpwuid(uid).pw_name
    return f"user {uid}"
