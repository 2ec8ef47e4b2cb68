"""MovieLens 100K: `u.data`, four numbers a line between tabs."""

from __future__ import annotations

from engine.data.readers.text_table import TextTable

ML_100K = TextTable("MovieLens 100K", "u.data", separator="\t")
