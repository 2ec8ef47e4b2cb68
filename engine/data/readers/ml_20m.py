"""MovieLens 20M: `ratings.csv`, a header, then four comma-separated numbers per line; ratings in half stars."""

from __future__ import annotations

from engine.contract.data_files import DATA_FILES
from engine.data.readers.text_table import TextTable

ML_20M = TextTable(
    "MovieLens 20M", DATA_FILES["ml-20m"], separator=",", header="userId,movieId,rating,timestamp"
)
