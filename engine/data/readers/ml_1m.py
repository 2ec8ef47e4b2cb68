"""MovieLens 1M: `ratings.dat`, four numbers per line, separated by double colons."""

from __future__ import annotations

from engine.contract.data_files import DATA_FILES
from engine.data.readers.text_table import TextTable

ML_1M = TextTable("MovieLens 1M", DATA_FILES["ml-1m"], separator="::")
