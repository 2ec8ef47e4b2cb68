"""The experiments file on disk: read whole, written atomically, and watched for changes by other programs."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from engine.contract.atomic_files import replacing
from engine.contract.errors import B4RError

Stamp = tuple[int, int, int] | None
_BOM = "\ufeff"


@dataclass(frozen=True)
class OnDisk:
    """What was read: the text, "" where there is no file, and the stamp it had. bom: begins with a byte order mark."""

    text: str
    stamp: Stamp
    bom: bool = False


def stamp_of(path: Path) -> Stamp:
    """What tells cheaply that a file may have changed; None where there is none."""
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_size, stat.st_ino


def read_disk(path: Path) -> OnDisk:
    """The file as it is now. Raises B4RError where it is there but cannot be read as UTF-8."""
    stamp = stamp_of(path)
    try:
        text = path.read_bytes().decode()
    except FileNotFoundError:
        return OnDisk("", None)
    except UnicodeDecodeError as error:
        raise B4RError(f"{path}: is not UTF-8 text; save it as UTF-8") from error
    except OSError as error:
        raise B4RError(f"{path}: cannot be read: {error.strerror or error}") from error
    return OnDisk(text.removeprefix(_BOM), stamp, text.startswith(_BOM))


def write_disk(path: Path, text: str, bom: bool = False) -> OnDisk:
    """Replace the file in one step, its mode and a link to it kept. Raises B4RError where it cannot be written."""
    try:
        target = path.resolve()
        mode = target.stat().st_mode & 0o7777 if target.exists() else 0o666 & ~_umask()
        with replacing(target) as file:
            os.fchmod(file.fileno(), mode)
            file.write((_BOM * bom + text).encode())
    except OSError as error:
        raise B4RError(f"{path}: cannot be written: {error.strerror or error}") from error
    return OnDisk(text, stamp_of(path), bom)


def _umask() -> int:
    """The process's mask; it can only be read by setting it."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
