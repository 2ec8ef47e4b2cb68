"""`csv`: the user's own data; the file's extension sets the format, `data.columns` the columns."""

from __future__ import annotations

from pathlib import PurePosixPath

import numpy as np
import pandas as pd

from engine.contract.config.data import Columns, DataConfig
from engine.contract.data_files import CUSTOM_EXTENSIONS
from engine.contract.errors import B4RError
from engine.data import fingerprint
from engine.data.readers.custom_parquet import parquet_columns, read_parquet
from engine.data.readers.custom_text import layout_of, read_text
from engine.data.readers.interface import COLUMNS
from engine.data.readers.source_file import Source, find_source

_EXPECTED = "data file ({} or {})".format(", ".join(CUSTOM_EXTENSIONS[:-1]), CUSTOM_EXTENSIONS[-1])


class CustomData:
    """Reads any file of interactions; rating and timestamp are optional, and rows are then in time order."""

    def fingerprint(self, config: DataConfig) -> str:
        """Return a digest of the unpacked file and its columns. Raises B4RError."""
        source, columns = _find(config), config.columns or Columns()
        if _extension(source) == ".parquet":
            return fingerprint.of_settings(
                bytes=source.fingerprint(), parquet=parquet_columns(source, columns)
            )
        layout = layout_of(source, columns)
        return fingerprint.of_settings(
            bytes=source.fingerprint(), text=layout.separator, header=layout.header, places=layout.places
        )

    def read(self, config: DataConfig) -> pd.DataFrame:
        """Read all interactions in file order. Raises B4RError that names the first bad line or row."""
        source, columns = _find(config), config.columns or Columns()
        if _extension(source) == ".parquet":
            frame = read_parquet(source, parquet_columns(source, columns))
        else:
            frame = read_text(source, layout_of(source, columns))
        if "rating" not in frame:
            if config.min_rating > 0:
                raise B4RError(
                    f"{source}: has no ratings to compare with min_rating = {config.min_rating:g}; "
                    "set data.min_rating = 0, or data.columns.rating to their column"
                )
            frame["rating"] = np.nan
        return frame[[name for name in COLUMNS if name in frame]]


def _find(config: DataConfig) -> Source:
    source = find_source(config.dataset_path, config.dataset_name, _EXPECTED, "your data")
    if _extension(source) not in CUSTOM_EXTENSIONS:
        raise B4RError(f"{source}: unknown extension; use one of {', '.join(CUSTOM_EXTENSIONS)}")
    if _extension(source) == ".parquet" and source.name != source.path.name:
        raise B4RError(f"{source}: parquet in an archive is not supported; unpack it")
    return source


def _extension(source: Source) -> str:
    return PurePosixPath(source.name).suffix.lower()


CUSTOM_DATA = CustomData()
