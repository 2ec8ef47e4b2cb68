"""The experiments file on disk: read and written as one, with a stamp that reveals changes by other programs."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from engine.contract.atomic_files import replacing
from engine.contract.errors import B4RError

Stamp = tuple[int, int, int] | None
_BOM = "\ufeff"


@dataclass(frozen=True)
class FileOnDisk:
    """The file as read: its text ("" if it does not exist) and stamp. bom: starts with a byte order mark."""

    text: str
    stamp: Stamp
    bom: bool = False


def stamp_of(path: Path) -> Stamp:
    """Return a cheap fingerprint that changes when the file does; None if it does not exist."""
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_size, stat.st_ino


def read_disk(path: Path) -> FileOnDisk:
    """Read the file. Raises B4RError if it exists but cannot be read as UTF-8."""
    stamp = stamp_of(path)
    try:
        text = path.read_bytes().decode()
    except FileNotFoundError:
        return FileOnDisk("", None)
    except UnicodeDecodeError as error:
        raise B4RError(f"{path}: is not UTF-8 text; save it as UTF-8") from error
    except OSError as error:
        raise B4RError(f"{path}: cannot be read: {error.strerror or error}") from error
    return FileOnDisk(text.removeprefix(_BOM), stamp, text.startswith(_BOM))


def write_disk(path: Path, text: str, bom: bool = False) -> FileOnDisk:
    """Replace the file atomically; keep its mode and a link to it. Raises B4RError if it cannot be written."""
    try:
        target = path.resolve()
        mode = target.stat().st_mode & 0o7777 if target.exists() else 0o666 & ~_umask()
        with replacing(target) as file:
            os.fchmod(file.fileno(), mode)
            file.write((_BOM * bom + text).encode())
    except OSError as error:
        raise B4RError(f"{path}: cannot be written: {error.strerror or error}") from error
    return FileOnDisk(text, stamp_of(path), bom)


def _umask() -> int:
    """Return the umask of the process; it can only be read by setting it."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
