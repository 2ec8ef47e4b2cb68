"""Reads the column names of custom data. The app checks them before a launch."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import BinaryIO, cast

from engine.contract import archives
from engine.contract.data_files import members_for
from engine.contract.errors import B4RError

SEPARATORS = {".csv": ",", ".tsv": "\t", ".inter": "\t"}
_LONGEST_LINE = 1 << 20  # bytes


def separator_of(extension: str, first_line: str) -> str:
    """Return the field separator; for .txt a tab if the first line has one, else a space."""
    return SEPARATORS.get(extension) or ("\t" if "\t" in first_line else " ")


def without_types(names: list[str]) -> list[str]:
    """Return the names of a RecBole header such as `user_id:token` without their types."""
    return [name.partition(":")[0] for name in names]


def first_names(path: Path) -> list[str]:
    """Return the fields of the first line, or the columns of a parquet file; [] if they cannot be parsed.

    Raises OSError, and B4RError for an archive that is unsafe or damaged.
    """
    if path.suffix.lower() == ".parquet":
        return _parquet_names(path)
    with _opened(path) as (name, file):
        line = _first_line(file)
    extension = PurePosixPath(name).suffix.lower()
    try:
        separator = separator_of(extension, line)
        rows = (
            csv.reader([line], delimiter=separator)
            if extension == ".csv"
            else csv.reader([line], delimiter=separator, quoting=csv.QUOTE_NONE)
        )
        fields = [field.strip() for field in next(rows, [])]
    except csv.Error:
        return []
    return without_types(fields) if extension == ".inter" else fields


def _parquet_names(path: Path) -> list[str]:
    import pyarrow as pa  # only parquet needs it, and it is slow to import
    import pyarrow.parquet as pq

    try:
        return list(pq.read_schema(path).names)
    except pa.ArrowException:
        return []  # the engine reports what is wrong with it


def _first_line(file: BinaryIO) -> str:
    text = io.TextIOWrapper(io.BytesIO(file.read(_LONGEST_LINE)), encoding="utf-8-sig", errors="replace")
    return text.readline().rstrip("\n")


@contextmanager
def _opened(path: Path) -> Iterator[tuple[str, BinaryIO]]:
    """Open a text file; yield its name and bytes, decompressed."""
    if path.suffix.lower() == ".gz":
        with archives.opened_gzip(path) as file:
            yield path.name[:-3], file
    elif path.suffix.lower() == ".zip":
        files = members_for(path, "csv")
        if len(files) != 1:
            raise B4RError(
                f"{path}: contains {len(files)} data files, but one is expected; unpack it and set "
                "data.dataset_path to the file"
            )
        with archives.opened_zip(path) as archive, archive.open(files[0].filename) as member:
            yield files[0].filename, cast("BinaryIO", member)
    else:
        with path.open("rb") as file:
            yield path.name, file
