"""Reads the rows of the side files that MovieLens ships with its ratings."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from engine.contract.errors import B4RError


def folder_of(dataset_path: str) -> Path:
    """Return the folder of the side files: the data set's."""
    path = Path(dataset_path).expanduser()
    return path if path.is_dir() else path.parent


def side_rows(path: Path, separator: str, instead: str) -> Iterator[list[str]]:
    """Yield the fields of each row; of a csv (UTF-8) without its header, of others (Latin-1) of every line.

    instead: what the user can do without the file. Raises B4RError if it cannot be read.
    """
    try:
        if separator == ",":
            with path.open(encoding="utf-8", newline="") as file:
                rows = list(csv.reader(file))[1:]
        else:
            rows = [line.split(separator) for line in path.read_text(encoding="latin-1").split("\n") if line]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        why = getattr(error, "strerror", None) or error
        raise B4RError(
            f"{path}: cannot be read ({why}); unpack it next to the ratings, or {instead}"
        ) from error
    yield from rows


def wrong_row(path: Path, number: int, fields: int) -> B4RError:
    """Return the error for a row without the expected fields. number: counted from 1."""
    return B4RError(f"{path}: row {number} is not {fields} valid fields; download the file again")
