"""MovieLens 20M: `ratings.csv`, a header, then four numbers a line between commas; ratings in half stars."""

from __future__ import annotations

from engine.data.readers.text_table import TextTable

ML_20M = TextTable("MovieLens 20M", "ratings.csv", separator=",", header="userId,movieId,rating,timestamp")
