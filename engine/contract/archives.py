"""Zip and gzip files from strangers: names that stay inside, no passwords, no bombs. Torch-free.

A file that unpacks to far more than it is, is refused before it fills memory or disk: deflate reaches 1,000 : 1
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

LARGEST = 64 << 30  # bytes unpacked; more is refused
LARGEST_RATIO = 100  # unpacked to packed bytes; more is refused where it is more than HARMLESS
HARMLESS = 64 << 20  # bytes that any ratio may unpack to
MOST_MEMBERS = 10_000


def members(path: Path) -> list[zipfile.ZipInfo]:
    """The files in a zip archive, folders left out. Raises OSError, and B4RError for an archive not to touch."""
    with opened_zip(path) as archive:
        infos = archive.infolist()
    if len(infos) > MOST_MEMBERS:
        raise B4RError(f"{path}: holds {len(infos):,} files, more than any data set; unpack what you need")
    for info in infos:
        _refuse_unsafe(path, info)
    return [info for info in infos if not info.is_dir()]


@contextmanager
def opened_zip(path: Path) -> Iterator[zipfile.ZipFile]:
    """A zip archive to read from; what is broken in it is a B4RError. Raises OSError."""
    with path.open("rb") as file, told_as_damage(path), zipfile.ZipFile(file) as archive:
        yield archive


@contextmanager
def opened_gzip(path: Path) -> Iterator[BinaryIO]:
    """The unpacked bytes of a gzip file, as a stream that refuses to go on once they are too many."""
    with path.open("rb") as file, told_as_damage(path), gzip.GzipFile(fileobj=file) as unpacked:
        yield cast("BinaryIO", io.BufferedReader(_Limited(unpacked, path), 1 << 20))


@contextmanager
def told_as_damage(path: Path) -> Iterator[None]:
    """Turns what the decompressors raise into one sentence."""
    try:
        yield
    except (zipfile.BadZipFile, gzip.BadGzipFile, zlib.error, EOFError, NotImplementedError) as error:
        raise B4RError(f"{path}: is damaged or no such archive ({error}); get the file again") from error


def _refuse_unsafe(path: Path, info: zipfile.ZipInfo) -> None:
    name = info.filename
    parts = PurePosixPath(name.replace("\\", "/")).parts
    if ".." in parts or "\\" in name or parts[:1] == ("/",) or ":" in name:
        raise B4RError(f"{path}: names a file outside of itself ({name[:60]!r}); get the archive elsewhere")
    if info.flag_bits & 1:
        raise B4RError(f"{path}: {name[:60]} is encrypted; unpack it with its password first")
    _refuse_bomb(path, info.file_size, info.compress_size)


def _refuse_bomb(path: Path, unpacked: int, packed: int) -> None:
    if unpacked > LARGEST or (unpacked > HARMLESS and unpacked > LARGEST_RATIO * packed):
        raise B4RError(
            f"{path}: unpacks to more than {unpacked >> 20:,} MiB from {packed:,} bytes, which no log of "
            "interactions does; unpack it yourself if you trust it"
        )


class _Limited(io.RawIOBase):
    """Counts what comes out of a decompressor, against the size of what goes in."""

    def __init__(self, unpacked: io.BufferedIOBase, path: Path) -> None:
        self._unpacked = unpacked
        self._path = path
        self._packed = path.stat().st_size
        self._count = 0

    def readable(self) -> bool:
        """As streams have to say."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Fill the buffer; the bytes read."""
        count = self._unpacked.readinto(buffer)
        self._count += count
        _refuse_bomb(self._path, self._count, self._packed)
        return count
