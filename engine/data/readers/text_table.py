"""Files of numbers, one interaction per line.

Pandas reads the file fast; a slow second pass finds the first bad line. UTF-8 or ASCII with or without a byte order
mark, any line ends; blank lines are skipped. Ids are integers from 0, so `7` and `07` are the same user. Repeated
rows are separate interactions.
"""

from __future__ import annotations

import csv
import io
import math
import re
import warnings
from dataclasses import dataclass

import numpy as np
import pandas as pd

from engine.contract.config.data import DataConfig
from engine.contract.errors import B4RError
from engine.data.readers.cells import NUMBER, quoted
from engine.data.readers.interface import COLUMNS
from engine.data.readers.source_file import Source, find_source

_WHOLE = re.compile(r"[+-]?[0-9]+")
ENDS_AT_NUL = int(pd.__version__.partition(".")[0]) < 3  # these versions silently end a field at a NUL byte
_LONGEST_LINE = 1 << 16  # characters; no interaction is longer


@dataclass(frozen=True)
class TextTable:
    """A format with the fields user, item, rating, timestamp (seconds), in this order.

    title: the data set's name, for messages. separator: one character, or one character twice. header: the first
    line, if the format has one.
    """

    title: str
    file_name: str
    separator: str
    header: str | None = None

    def fingerprint(self, config: DataConfig) -> str:
        """Return the SHA-256 of the unpacked file. Raises B4RError if it cannot be read."""
        return self._find(config).fingerprint()

    def read(self, config: DataConfig) -> pd.DataFrame:
        """Read all interactions in file order. Raises B4RError that names the first bad line."""
        source = self._find(config)
        if problem := self._first_problem(source, lines=1):
            raise B4RError(problem)
        try:
            return self._read_fast(source)
        except (ValueError, OverflowError, pd.errors.DtypeWarning) as error:
            raise B4RError(self._first_problem(source) or f"{source}: cannot be read ({error})") from error

    def _find(self, config: DataConfig) -> Source:
        return find_source(config.dataset_path, config.dataset_name, self.file_name, self.title)

    def _read_fast(self, source: Source) -> pd.DataFrame:
        """Read with pandas. Raises ValueError or DtypeWarning for a bad line, without its number.

        The first line must be valid: pandas takes the number of fields from it.
        """
        if ENDS_AT_NUL and _has_nul(source):
            raise ValueError("a NUL byte")
        columns = self._columns()
        gaps = [name for name in columns if name not in COLUMNS]
        with source.open() as file, warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.DtypeWarning)
            frame = pd.read_csv(
                file,
                sep=self.separator[0],
                names=columns,
                header=None,
                skiprows=1 if self.header else 0,
                index_col=False,
                keep_default_na=False,
                na_values={name: [""] for name in gaps},
                quoting=csv.QUOTE_NONE,
            )
        if frame[gaps].notna().any(axis=None):
            raise ValueError("single separators where double ones are expected")
        return _checked(frame[list(COLUMNS)])

    def _columns(self) -> list[str]:
        """Return column names for pandas, which splits at one character: `::` gives an empty column in between."""
        columns: list[str] = []
        for name in COLUMNS:
            columns += [name, *(f"after {name}" for _ in self.separator[1:])]
        return columns[: len(columns) - len(self.separator[1:])]

    def _first_problem(self, source: Source, lines: int | None = None) -> str | None:
        """Return a sentence on the first bad line, among the first `lines` if given, or on a file without lines."""
        count = 0
        with source.open() as stream:
            file = io.TextIOWrapper(stream, encoding="utf-8-sig", errors="replace")
            for number, line in enumerate(iter(lambda: file.readline(_LONGEST_LINE), ""), start=1):
                line = line.rstrip("\n")
                if number == 1 and self.header:
                    if line != self.header:
                        return f"{source}:1: expected the header {self.header}, found {quoted(line)}; add it"
                elif line.strip(" "):
                    if problem := self._problem(line):
                        return f"{source}:{number}: {problem}; fix or remove the line"
                    count += 1
                if count == lines:
                    break
        return None if count else f"{source}: has no interactions; download {self.title} again"

    def _problem(self, line: str) -> str | None:
        fields = line.split(self.separator)
        if len(fields) != len(COLUMNS):
            layout = self.separator.join(COLUMNS).replace("\t", "<tab>")
            return f"expected {layout}, found {quoted(line)}"
        for name, text in zip(COLUMNS, fields, strict=True):
            if fault := _fault(name, text.strip(" ")):
                return f"{name} {quoted(text)} is {fault}"
        return None


def _has_nul(source: Source) -> bool:
    with source.open() as file:
        return any(b"\0" in block for block in iter(lambda: file.read(1 << 20), b""))


def _checked(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the frame if pandas parsed every field as the right kind of number; raises ValueError otherwise."""
    integers = frame[["user", "item", "timestamp"]]
    if frame.empty or not (integers.dtypes == np.int64).all() or frame["rating"].dtype.kind not in "if":
        raise ValueError("no lines, or fields that are not numbers")
    if not np.isfinite(frame["rating"]).all() or integers[["user", "item"]].min(axis=None) < 0:
        raise ValueError("numbers out of range")
    return frame


def _fault(name: str, text: str) -> str | None:
    """Return why a text is not a valid field of that name, or None."""
    if name == "rating":
        return None if NUMBER.fullmatch(text) and math.isfinite(float(text)) else "not a number"
    if not _WHOLE.fullmatch(text):
        return "not a whole number"
    if not -(2**63) <= int(text[:40]) < 2**63:
        return "too large, beyond 64 bits"
    return "negative" if name != "timestamp" and int(text) < 0 else None
