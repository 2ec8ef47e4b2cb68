"""Custom data as text: fields separated by commas, tabs or spaces.

Arrow reads the file fast; a slow second pass finds the first bad line. UTF-8 with or without a byte order mark, any
line ends; blank lines are skipped; each row is one line. Spaces around a field are ignored.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv

from engine.contract.config.data import Columns
from engine.contract.data_header import separator_of, without_types
from engine.contract.errors import B4RError
from engine.data.readers.cells import as_ids, id_fault, quoted, rating_fault
from engine.data.readers.custom_columns import at_position, check_positions, find_columns, has_header
from engine.data.readers.custom_times import time_kind, times_of
from engine.data.readers.interface import COLUMNS
from engine.data.readers.source_file import Source

_BLOCK_BYTES = 16 << 20
_LONGEST_LINE = 1 << 20  # characters


@dataclass(frozen=True)
class Layout:
    """The layout of a text file. places: position of each existing column, from 0. width: fields per line."""

    separator: str
    quotes: bool
    header: bool
    places: dict[str, int]
    width: int

    def split(self, line: str) -> list[str]:
        """Return the fields of a line, without the spaces around them. Raises csv.Error."""
        rows = (
            csv.reader([line], delimiter=self.separator, strict=True)
            if self.quotes
            else csv.reader([line], delimiter=self.separator, quoting=csv.QUOTE_NONE)
        )
        return [field.strip() for field in next(rows)]


def layout_of(source: Source, columns: Columns) -> Layout:
    """Return the layout by the first line and the settings. Raises B4RError."""
    _, line = next(numbered_lines(source), (1, ""))
    ending = PurePosixPath(source.name).suffix.lower()
    separator = separator_of(ending, line)
    where = f"{source}:1"
    try:
        first = Layout(separator, ending == ".csv", False, {}, 0).split(line) if line.strip() else []
    except csv.Error as error:
        raise B4RError(f"{where}: cannot be split at {separator!r} ({error}); fix the line") from error
    if not first:
        raise B4RError(f"{where}: the first line is empty; use a file with interactions")
    names = without_types(first) if ending == ".inter" else first
    header = has_header(names, columns)
    if header:
        _refuse_sequences(first if ending == ".inter" else [], where)
        places = find_columns(names, columns, where)
    else:
        places = _by_position(first, columns, ending, where)
    return Layout(separator, ending == ".csv", header, places, len(first))


def read_text(source: Source, layout: Layout) -> pd.DataFrame:
    """Read all interactions, with the columns that exist. Raises B4RError that names the first bad line."""
    try:
        table = _read_fast(source, layout)
        if not len(table):
            raise ValueError("no lines")
        return pd.DataFrame({name: _values(name, table[name]) for name in layout.places})
    except (ValueError, OverflowError, pa.ArrowException) as error:
        reason = str(error).splitlines()[0]
        raise B4RError(_first_problem(source, layout) or f"{source}: cannot be read ({reason})") from error


def numbered_lines(source: Source) -> Iterator[tuple[int, str]]:
    """Yield the lines of a text with their numbers, from 1. Raises B4RError for an overlong or non-UTF-8 line."""
    with source.open() as stream:
        file = io.TextIOWrapper(stream, encoding="utf-8-sig", errors="surrogateescape")
        for number, line in enumerate(iter(lambda: file.readline(_LONGEST_LINE), ""), start=1):
            if len(line) == _LONGEST_LINE:
                raise B4RError(f"{source}:{number}: is longer than any interaction; fix or remove the line")
            if not _is_utf8(line):
                raise B4RError(f"{source}:{number}: is not UTF-8 text; save the file as UTF-8")
            yield number, line.rstrip("\n")


def _is_utf8(line: str) -> bool:
    """Return whether a line was decoded without surrogates, which replace invalid bytes."""
    try:
        return line.isascii() or bool(line.encode())
    except UnicodeEncodeError:
        return False


def _by_position(first: list[str], columns: Columns, ending: str, where: str) -> dict[str, int]:
    """Return positions for a file without a header; plain `user item` lines need no settings."""
    chosen = {name: getattr(columns, name) for name in COLUMNS}
    if ending == ".txt" and len(first) == 2 and not any(value is not None for value in chosen.values()):
        return {"user": 0, "item": 1}
    places = {
        name: at_position(name, place, len(first), where)
        for name, place in chosen.items()
        if place is not None
    }
    check_positions(places, first, where)
    return places


def _refuse_sequences(typed: list[str], where: str) -> None:
    """Raise B4RError if a typed header such as `user_id:token item_id_list:token_seq` has sequences."""
    for name in typed:
        if name.endswith("_seq"):
            raise B4RError(
                f"{where}: {name!r} has sequences; write one interaction per line, in columns of tokens and floats"
            )


def _read_fast(source: Source, layout: Layout) -> pa.Table:
    """Read the columns as strings. Raises ArrowInvalid for a bad line."""
    names = {place: name for name, place in layout.places.items()}
    with source.open() as file:
        return pa.csv.read_csv(
            file,
            read_options=pa.csv.ReadOptions(
                column_names=[names.get(place, f"other {place}") for place in range(layout.width)],
                skip_rows=int(layout.header),
                block_size=_BLOCK_BYTES,
            ),
            parse_options=pa.csv.ParseOptions(
                delimiter=layout.separator,
                quote_char='"' if layout.quotes else False,
                invalid_row_handler=_skip_blank,
            ),
            convert_options=pa.csv.ConvertOptions(
                include_columns=list(layout.places),
                column_types=dict.fromkeys(layout.places, pa.string()),
                strings_can_be_null=False,
            ),
        )


def _skip_blank(row: Any) -> str:
    return "error" if row.text.strip() else "skip"


def _values(name: str, column: pa.ChunkedArray) -> pd.Series | np.ndarray:
    """Parse a column. Raises ValueError for an invalid field, without its line."""
    if name == "timestamp":
        return times_of(column)
    array = column.dictionary_encode().unify_dictionaries().combine_chunks()
    distinct = [text.strip() for text in array.dictionary.to_pylist()]
    fault = rating_fault if name == "rating" else id_fault
    if any(fault(text) for text in distinct):
        raise ValueError(f"bad {name}")
    codes = array.indices.to_numpy()
    if name == "rating":
        return np.array([float(text or "nan") for text in distinct])[codes]
    return as_ids(distinct, codes)


def _first_problem(source: Source, layout: Layout) -> str | None:
    """Return a sentence on the first bad line, or on a file without lines; None if all are valid."""
    count, kind = 0, None
    for number, line in numbered_lines(source):
        if (number == 1 and layout.header) or not line.strip():
            continue
        problem = _problem(line, layout, kind)
        if problem:
            return f"{source}:{number}: {problem}; fix or remove the line"
        if kind is None and "timestamp" in layout.places:
            kind = time_kind(layout.split(line)[layout.places["timestamp"]])
        count += 1
    return None if count else f"{source}: has no interactions; set data.dataset_path to a file that does"


def _problem(line: str, layout: Layout, kind: str | None) -> str | None:
    """Return what is wrong with a line, or None. kind: of the times of earlier lines."""
    try:
        fields = layout.split(line)
    except csv.Error as error:
        return f"cannot be split ({error}): {quoted(line)}"
    if len(fields) != layout.width:
        return f"expected {layout.width} fields, found {len(fields)}: {quoted(line)}"
    for name, place in layout.places.items():
        if fault := _fault(name, fields[place], kind):
            return f"{name} {quoted(fields[place])} is {fault}"
    return None


def _fault(name: str, text: str, kind: str | None) -> str | None:
    if name == "rating":
        return rating_fault(text)
    if name != "timestamp":
        return id_fault(text)
    found = time_kind(text)
    if found is None:
        return "not a time; write seconds, or dates such as 2014-03-01 12:30:00"
    return f"a {found} where earlier lines have a {kind}" if kind and found != kind else None
