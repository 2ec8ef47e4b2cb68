"""MovieLens 100K: `u.data`, four tab-separated numbers per line."""

from __future__ import annotations

from engine.contract.data_files import DATA_FILES
from engine.data.readers.text_table import TextTable

ML_100K = TextTable("MovieLens 100K", DATA_FILES["ml-100k"], separator="\t")
