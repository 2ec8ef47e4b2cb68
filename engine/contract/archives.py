"""Reads untrusted zip and gzip files: no paths outside the archive, no encryption, no decompression bombs.

A file that unpacks to far more than its size is refused before it fills memory or disk: deflate reaches 1,000 : 1
on repeated bytes, interaction logs 3 to 20 : 1.
"""

from __future__ import annotations

import gzip
import io
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import BinaryIO, cast

from engine.contract.errors import B4RError

LARGEST = 64 << 30  # most bytes unpacked
LARGEST_RATIO = 100  # most bytes unpacked per packed byte, beyond SAFE_SIZE
SAFE_SIZE = 64 << 20  # bytes to which any ratio is allowed
MOST_MEMBERS = 10_000


def members(path: Path) -> list[zipfile.ZipInfo]:
    """Return the files in a zip archive, without folders. Raises OSError, and B4RError for an unsafe archive."""
    with opened_zip(path) as archive:
        infos = archive.infolist()
    if len(infos) > MOST_MEMBERS:
        raise B4RError(
            f"{path}: contains {len(infos):,} files, too many for a data set; unpack what you need"
        )
    for info in infos:
        _refuse_unsafe(path, info)
    return [info for info in infos if not info.is_dir()]


@contextmanager
def opened_zip(path: Path) -> Iterator[zipfile.ZipFile]:
    """Open a zip archive to read from. Raises B4RError if it is damaged, and OSError."""
    with path.open("rb") as file, damage_reported(path), zipfile.ZipFile(file) as archive:
        yield archive


@contextmanager
def opened_gzip(path: Path) -> Iterator[BinaryIO]:
    """Open a gzip file as a stream of unpacked bytes, which raises B4RError once they are too many."""
    with path.open("rb") as file, damage_reported(path), gzip.GzipFile(fileobj=file) as unpacked:
        yield cast("BinaryIO", io.BufferedReader(_Limited(unpacked, path), 1 << 20))


@contextmanager
def damage_reported(path: Path) -> Iterator[None]:
    """Turn what the decompressors raise into one sentence."""
    try:
        yield
    except (zipfile.BadZipFile, gzip.BadGzipFile, zlib.error, EOFError, NotImplementedError) as error:
        raise B4RError(
            f"{path}: damaged, or not an archive of this type ({error}); get the file again"
        ) from error


def _refuse_unsafe(path: Path, info: zipfile.ZipInfo) -> None:
    name = info.filename
    parts = PurePosixPath(name.replace("\\", "/")).parts
    if ".." in parts or "\\" in name or parts[:1] == ("/",) or ":" in name:
        raise B4RError(f"{path}: has a path outside the archive ({name[:60]!r}); get it from another source")
    if info.flag_bits & 1:
        raise B4RError(f"{path}: {name[:60]} is encrypted; unpack it with its password first")
    _refuse_bomb(path, info.file_size, info.compress_size)


def _refuse_bomb(path: Path, unpacked: int, packed: int) -> None:
    if unpacked > LARGEST or (unpacked > SAFE_SIZE and unpacked > LARGEST_RATIO * packed):
        raise B4RError(
            f"{path}: unpacks to more than {unpacked >> 20:,} MiB from {packed:,} bytes, too much for a log of "
            "interactions; unpack it yourself if you trust it"
        )


class _Limited(io.RawIOBase):
    """Limits what comes out of a decompressor by the size of what goes in."""

    def __init__(self, unpacked: io.BufferedIOBase, path: Path) -> None:
        self._unpacked = unpacked
        self._path = path
        self._packed = path.stat().st_size
        self._count = 0

    def readable(self) -> bool:
        """Return True, as the stream protocol requires."""
        return True

    # typeshed's buffer type is private
    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Fill the buffer; return the number of bytes read."""
        count = self._unpacked.readinto(buffer)
        self._count += count
        _refuse_bomb(self._path, self._count, self._packed)
        return count
