"""`csv`: one's own data; the ending of the file name tells the format, `data.columns` the columns."""

from __future__ import annotations

from pathlib import PurePosixPath

import numpy as np
import pandas as pd

from engine.contract.config.data import Columns, DataConfig
from engine.contract.data_files import OWN_ENDINGS
from engine.contract.errors import B4RError
from engine.data import fingerprint
from engine.data.readers.custom_parquet import parquet_columns, read_parquet
from engine.data.readers.custom_text import layout_of, read_text
from engine.data.readers.interface import COLUMNS
from engine.data.readers.source_file import Source, find_source

_EXPECTED = "data file ({} or {})".format(", ".join(OWN_ENDINGS[:-1]), OWN_ENDINGS[-1])


class OwnData:
    """Any file of interactions. Without a rating column none is rated; without times, rows are in time order."""

    def fingerprint(self, config: DataConfig) -> str:
        """Digest of the file, unpacked, and of which column is which. Raises B4RError."""
        source, columns = _find(config), config.columns or Columns()
        if _ending(source) == ".parquet":
            return fingerprint.of_settings(
                bytes=source.fingerprint(), parquet=parquet_columns(source, columns)
            )
        layout = layout_of(source, columns)
        return fingerprint.of_settings(
            bytes=source.fingerprint(), text=layout.separator, header=layout.header, places=layout.places
        )

    def read(self, config: DataConfig) -> pd.DataFrame:
        """All interactions in file order. Raises B4RError that names the first bad line or row."""
        source, columns = _find(config), config.columns or Columns()
        if _ending(source) == ".parquet":
            frame = read_parquet(source, parquet_columns(source, columns))
        else:
            frame = read_text(source, layout_of(source, columns))
        if "rating" not in frame:
            if config.min_rating > 0:
                raise B4RError(
                    f"{source}: has no ratings for min_rating = {config.min_rating:g} to compare; "
                    "set data.min_rating = 0, or name their column in data.columns.rating"
                )
            frame["rating"] = np.nan
        return frame[[name for name in COLUMNS if name in frame]]


def _find(config: DataConfig) -> Source:
    source = find_source(config.dataset_path, config.dataset_name, _EXPECTED, "your data")
    if _ending(source) not in OWN_ENDINGS:
        raise B4RError(f"{source}: has no ending that tells its format; name it {', '.join(OWN_ENDINGS)}")
    if _ending(source) == ".parquet" and source.name != source.path.name:
        raise B4RError(f"{source}: is parquet in an archive, which packs itself; unpack it")
    return source


def _ending(source: Source) -> str:
    return PurePosixPath(source.name).suffix.lower()


OWN_DATA = OwnData()
