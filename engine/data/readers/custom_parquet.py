"""Custom data as parquet; errors name the row of a bad value, counted from 1."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from engine.contract.config.data import Columns
from engine.contract.errors import B4RError
from engine.data.readers.cells import as_ids, id_fault, quoted
from engine.data.readers.custom_columns import find_columns
from engine.data.readers.custom_times import seconds_of, time_kind, times_of, whole_if_possible
from engine.data.readers.source_file import Source

MOST_ROWS = 2**31 - 1  # a few bytes of parquet can claim any number


def parquet_columns(source: Source, columns: Columns) -> dict[str, str]:
    """Return the name in the file of each column that exists. Raises B4RError."""
    try:
        names = pq.read_schema(source.path).names
    except (pa.ArrowException, OSError) as error:
        raise _no_parquet(source, error) from error
    return {name: names[place] for name, place in find_columns(names, columns, str(source)).items()}


def read_parquet(source: Source, columns: dict[str, str]) -> pd.DataFrame:
    """Read all interactions, with the columns that exist. Raises B4RError that names the first bad row."""
    try:
        file = pq.ParquetFile(source.path)
        if not 0 < file.metadata.num_rows <= MOST_ROWS:
            raise B4RError(f"{source}: has {file.metadata.num_rows:,} rows; use a file with interactions")
        table = file.read(columns=list(columns.values()))
    except (pa.ArrowException, OSError, ValueError) as error:
        raise _no_parquet(source, error) from error
    return pd.DataFrame({name: _values(source, name, table[column]) for name, column in columns.items()})


def _no_parquet(source: Source, error: Exception) -> B4RError:
    reason = str(error).splitlines()[0].rstrip(".")
    return B4RError(f"{source}: cannot be read as parquet ({reason}); write the file again")


def _values(source: Source, name: str, column: pa.ChunkedArray) -> pd.Series | np.ndarray:
    if pa.types.is_dictionary(column.type):
        column = pc.cast(column, column.type.value_type)
    if name == "rating":
        return _ratings(source, column)
    if column.null_count:
        raise _bad_row(source, name, pc.index(pc.is_null(column), True).as_py(), "missing")
    return _ids(source, name, column) if name in ("user", "item") else _times(source, column)


def _ids(source: Source, name: str, column: pa.ChunkedArray) -> pd.Series:
    if pa.types.is_integer(column.type) and column.type != pa.uint64():
        return pd.Series(pc.cast(column, pa.int64()).to_numpy())
    if not (_is_text(column.type) or column.type == pa.uint64()):
        raise B4RError(f"{source}: the {name} column has type {column.type}; save integers or strings")
    encoded = pc.cast(column, pa.string()).combine_chunks().dictionary_encode()
    distinct = [text.strip() for text in encoded.dictionary.to_pylist()]
    codes = encoded.indices.to_numpy()
    bad = [code for code, text in enumerate(distinct) if id_fault(text)]
    if bad:
        row = int(np.argmax(np.isin(codes, bad)))
        text = distinct[codes[row]]
        raise _bad_row(source, name, row, f"{quoted(text)}, which is {id_fault(text)}")
    return as_ids(distinct, codes)


def _ratings(source: Source, column: pa.ChunkedArray) -> np.ndarray:
    if not _is_number(column.type):
        raise B4RError(
            f"{source}: the rating column has type {column.type}; save numbers, or set data.columns.rating "
            "to another column"
        )
    ratings = pc.cast(column, pa.float64()).to_numpy()
    if np.isinf(ratings).any():
        raise _bad_row(source, "rating", int(np.argmax(np.isinf(ratings))), "infinite")
    return ratings


def _times(source: Source, column: pa.ChunkedArray) -> np.ndarray:
    if pa.types.is_timestamp(column.type) or pa.types.is_date(column.type):
        return seconds_of(column)
    try:
        if pa.types.is_integer(column.type):
            return pc.cast(column, pa.int64()).to_numpy()
        if _is_number(column.type):
            return whole_if_possible(pc.cast(column, pa.float64()).to_numpy())
        if _is_text(column.type):
            return times_of(pc.cast(column, pa.string()))
    except (ValueError, pa.ArrowException) as error:
        row, value = next(
            (row, value) for row, value in enumerate(column.to_pylist()) if not time_kind(str(value).strip())
        )
        raise _bad_row(source, "timestamp", row, f"{quoted(str(value))}, which is not a time") from error
    raise B4RError(f"{source}: the timestamp column has type {column.type}; save seconds or dates")


def _bad_row(source: Source, name: str, row: int, fault: str) -> B4RError:
    return B4RError(f"{source}: row {row + 1}: {name} is {fault}; fix or remove the row")


def _is_text(dtype: pa.DataType) -> bool:
    return pa.types.is_string(dtype) or pa.types.is_large_string(dtype) or pa.types.is_string_view(dtype)


def _is_number(dtype: pa.DataType) -> bool:
    return pa.types.is_integer(dtype) or pa.types.is_floating(dtype) or pa.types.is_decimal(dtype)
