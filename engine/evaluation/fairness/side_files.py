"""Reads groups from the files that MovieLens ships with its ratings: gender, age and occupation; genre."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from engine.contract.errors import B4RError
from engine.data.side_rows import folder_of, side_rows, wrong_row
from engine.evaluation.fairness.groups import Groups, from_memberships

AGES = {
    1: "under 18",
    18: "18-24",
    25: "25-34",
    35: "35-44",
    45: "45-49",
    50: "50-55",
    56: "56+",
}  # as ML-1M has
_OCCUPATIONS = """
other or not specified
academic/educator
artist
clerical/admin
college/grad student
customer service
doctor/health care
executive/managerial
farmer
homemaker
K-12 student
lawyer
programmer
retired
sales/marketing
scientist
self-employed
technician/engineer
tradesman/craftsman
unemployed
writer
""".strip().splitlines()  # in the order of ML-1M's codes
_GENRES_100K = [
    "unknown",
    "Action",
    "Adventure",
    "Animation",
    "Children's",
    "Comedy",
    "Crime",
    "Documentary",
    "Drama",
    "Fantasy",
    "Film-Noir",
    "Horror",
    "Musical",
    "Mystery",
    "Romance",
    "Sci-Fi",
    "Thriller",
    "War",
    "Western",
]  # in the order of u.item's flags

_INSTEAD = "use popularity or a csv of groups"
Labels = Callable[[list[str]], list[str]]  # row → its groups


@dataclass(frozen=True)
class SideFile:
    """A file with one row per user or item. names: all groups in order, if known."""

    name: str
    separator: str
    fields: int
    labels: Labels
    names: tuple[str, ...] | None = None


def age_group(years: int) -> str:
    """Return the age group of a number of years, of the seven groups of MovieLens 1M."""
    return AGES[max((first for first in AGES if first <= years), default=1)]


def _genres(text: str) -> list[str]:
    return text.split("|")


_BY_AGE = tuple(AGES.values())
_USERS_100K, _USERS_1M = ("u.user", "|", 5), ("users.dat", "::", 5)
SIDE_FILES = {
    ("ml-100k", "gender"): SideFile(*_USERS_100K, lambda row: [row[2]]),
    ("ml-100k", "age"): SideFile(*_USERS_100K, lambda row: [age_group(int(row[1]))], _BY_AGE),
    ("ml-100k", "occupation"): SideFile(*_USERS_100K, lambda row: [row[3]]),
    ("ml-100k", "genre"): SideFile(
        "u.item",
        "|",
        24,
        lambda row: [name for name, flag in zip(_GENRES_100K, row[5:], strict=True) if flag == "1"],
        tuple(_GENRES_100K),
    ),
    ("ml-1m", "gender"): SideFile(*_USERS_1M, lambda row: [row[1]]),
    ("ml-1m", "age"): SideFile(*_USERS_1M, lambda row: [age_group(int(row[2]))], _BY_AGE),
    ("ml-1m", "occupation"): SideFile(*_USERS_1M, lambda row: [_OCCUPATIONS[int(row[3])]]),
    ("ml-1m", "genre"): SideFile("movies.dat", "::", 3, lambda row: _genres(row[2])),
    ("ml-20m", "genre"): SideFile("movies.csv", ",", 3, lambda row: _genres(row[2])),
}


def has_side_file(dataset_name: str, dataset_path: str | None, kind: str) -> bool:
    """Return whether the data set has groups of this kind and their file exists."""
    side = SIDE_FILES.get((dataset_name, kind))
    return side is not None and dataset_path is not None and (folder_of(dataset_path) / side.name).is_file()


def read_side_file(dataset_name: str, dataset_path: str | None, kind: str, known: np.ndarray) -> Groups:
    """Read the groups of the ids `known`, (n,) str, from the file next to the data. Raises B4RError."""
    side = SIDE_FILES.get((dataset_name, kind))
    if side is None or dataset_path is None:
        raise B4RError(f"{dataset_name} has no file with {kind}; use popularity, or a csv of groups")
    path = folder_of(dataset_path) / side.name
    return from_memberships(kind, _memberships(path, side), known, side.names)


def _memberships(path: Path, side: SideFile) -> Iterator[tuple[str, str]]:
    for number, row in enumerate(side_rows(path, side.separator, _INSTEAD), start=1):
        try:
            if len(row) != side.fields:
                raise ValueError(row)
            labels = side.labels(row)
        except (ValueError, IndexError) as error:
            raise wrong_row(path, number, side.fields) from error
        yield from ((row[0], label) for label in labels)
