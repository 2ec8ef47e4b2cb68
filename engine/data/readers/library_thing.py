"""LibraryThing, `lt`: `reviews.txt`, lines `reviews[('<work>', '<user>')] = {<python dict literal>}`.

The lines are parsed as Python but never run. A row without `stars` has no rating; a row without `unixtime` cannot be
ordered, so it is dropped and counted. An opening line `reviews = {}` is skipped.
"""

from __future__ import annotations

import ast
import math
import warnings
from typing import Any

import pandas as pd

from engine.contract.config.data import DataConfig
from engine.contract.data_files import DATA_FILES
from engine.contract.errors import B4RError
from engine.data.readers.cells import as_ids, id_fault, quoted
from engine.data.readers.custom_text import numbered_lines
from engine.data.readers.interface import count_dropped
from engine.data.readers.source_file import Source, find_source

TITLE = "LibraryThing"
_LAYOUT = "reviews[('<work>', '<user>')] = {...}"
_LARGEST_TIME = 2**62


class LibraryThing:
    """The reader of `reviews.txt`."""

    file_name = DATA_FILES["lt"]

    def fingerprint(self, config: DataConfig) -> str:
        """Return the SHA-256 of the unpacked file. Raises B4RError if it cannot be read."""
        return self._find(config).fingerprint()

    def read(self, config: DataConfig) -> pd.DataFrame:
        """Read all interactions with a time, in file order. Raises B4RError that names the first bad line."""
        source = self._find(config)
        rows: list[tuple[str, str, float, int]] = []
        untimed: list[tuple[str, str]] = []
        with warnings.catch_warnings():
            for category in (SyntaxWarning, DeprecationWarning):  # backslashes in comments
                warnings.simplefilter("ignore", category)
            for number, line in numbered_lines(source):
                try:
                    row = parse_review(line) if line.strip() else None
                except ValueError as error:
                    raise B4RError(f"{source}:{number}: {error}; fix or remove the line") from error
                if row and row[3] is not None:
                    rows.append((*row[:3], row[3]))
                elif row:
                    untimed.append(row[:2])
        if not rows:
            raise B4RError(f"{source}: has no interactions with a unixtime; download {TITLE} again")
        users, works = (len({row[place] for row in (*rows, *untimed)}) for place in (0, 1))
        return count_dropped(_frame(rows), {"without unixtime": len(untimed)}, users, works)

    def _find(self, config: DataConfig) -> Source:
        return find_source(config.dataset_path, config.dataset_name, self.file_name, TITLE)


def parse_review(line: str) -> tuple[str, str, float, int | None] | None:
    """Parse a line to (user, work, stars or NaN, unixtime or None); None for `reviews = {}`.

    Raises ValueError that says what is wrong.
    """
    try:
        (statement,) = ast.parse(line.strip()).body
        assert isinstance(statement, ast.Assign)
        (target,) = statement.targets
        facts = ast.literal_eval(statement.value)
        assert isinstance(facts, dict)
        if isinstance(target, ast.Name) and not facts:
            return None
        assert isinstance(target, ast.Subscript)
        work, user = ast.literal_eval(target.slice)
    except (SyntaxError, ValueError, TypeError, AssertionError, RecursionError, MemoryError) as error:
        raise ValueError(f"expected {_LAYOUT}, found {quoted(line)}") from error
    return _id("user", user), _id("work", work), _stars(facts.get("stars")), _time(facts.get("unixtime"))


def _id(name: str, value: Any) -> str:
    text = str(value).strip() if isinstance(value, (str, int)) else ""
    if fault := id_fault(text):
        raise ValueError(f"{name} {quoted(str(value))} is {fault}")
    return text


def _stars(value: Any) -> float:
    if value is None or value == "":
        return math.nan
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) < 1e9:
        raise ValueError(f"stars {quoted(str(value))} is not a number")
    return float(value)


def _time(value: Any) -> int | None:
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) >= _LARGEST_TIME:
        raise ValueError(f"unixtime {quoted(str(value))} is not a whole number of seconds")
    return value


def _frame(rows: list[tuple[str, str, float, int]]) -> pd.DataFrame:
    users, works, stars, times = zip(*rows, strict=True)
    ids = {}
    for name, texts in (("user", users), ("item", works)):
        codes, distinct = pd.factorize(pd.Series(texts, dtype=object))
        ids[name] = as_ids(list(distinct), codes)
    return pd.DataFrame({**ids, "rating": stars, "timestamp": times})


LIBRARY_THING = LibraryThing()
