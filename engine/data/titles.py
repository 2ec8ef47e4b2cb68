"""Reads the titles of MovieLens items from the file next to the ratings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from engine.contract.config.data import DataConfig
from engine.data.side_rows import folder_of, side_rows, wrong_row


@dataclass(frozen=True)
class TitleFile:
    """A file whose rows begin with an item's id and title."""

    name: str
    separator: str
    fields: int


TITLE_FILES = {
    "ml-100k": TitleFile("u.item", "|", 24),
    "ml-1m": TitleFile("movies.dat", "::", 3),
    "ml-20m": TitleFile("movies.csv", ",", 3),
}


def read_titles(config: DataConfig) -> Mapping[str, str]:
    """Return titles by item id; {} if the data set has no titles or their file is missing.

    Raises B4RError if the file is damaged.
    """
    known = TITLE_FILES.get(config.dataset_name)
    if known is None or config.dataset_path is None:
        return {}
    path = folder_of(config.dataset_path) / known.name
    if not path.is_file():
        return {}
    titles = {}
    for number, row in enumerate(side_rows(path, known.separator, "remove it"), start=1):
        if len(row) != known.fields:
            raise wrong_row(path, number, known.fields)
        titles[row[0]] = row[1]
    return titles
