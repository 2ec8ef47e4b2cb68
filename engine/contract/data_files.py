"""Finds the file that a data set is read from. The app checks it before a launch."""

from __future__ import annotations

import zipfile
from pathlib import Path, PurePosixPath

from engine.contract import archives

DATA_FILES = {"ml-100k": "u.data", "ml-1m": "ratings.dat", "ml-20m": "ratings.csv", "lt": "reviews.txt"}
TEXT_EXTENSIONS = (".csv", ".tsv", ".inter", ".txt")
CUSTOM_EXTENSIONS = (*TEXT_EXTENSIONS, ".parquet")  # for `csv`; text files may be compressed as .gz or .zip


def fits(name: str, dataset_name: str) -> bool:
    """Return whether an uncompressed file of this name is one that the data set is read from."""
    if dataset_name in DATA_FILES:
        return name == DATA_FILES[dataset_name]
    return PurePosixPath(name).suffix.lower() in CUSTOM_EXTENSIONS


def candidates(folder: Path, dataset_name: str) -> list[Path]:
    """Return the files of a folder that the data set can be read from, plain ones before compressed ones.

    For custom data any file with a known extension; else the one known name, or if that is missing, as .gz and in
    .zip files. Raises OSError, and B4RError for a zip that is unsafe or damaged.
    """
    files = sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
    plain = [path for path in files if fits(path.name, dataset_name)]
    if plain and dataset_name in DATA_FILES:
        return plain
    return plain + [path for path in files if _contains_one(path, dataset_name)]


def members_for(path: Path, dataset_name: str) -> list[zipfile.ZipInfo]:
    """Return the files in a zip archive that the data set can be read from. Raises OSError and B4RError."""
    return [
        info
        for info in archives.members(path)
        if fits(PurePosixPath(info.filename).name, dataset_name) and not _is_extra(info.filename)
    ]


def _contains_one(path: Path, dataset_name: str) -> bool:
    extension = path.suffix.lower()
    if extension == ".gz":
        return fits(path.name[: -len(extension)], dataset_name)
    if extension != ".zip":
        return False
    return dataset_name not in DATA_FILES or bool(members_for(path, dataset_name))


def _is_extra(name: str) -> bool:
    """Return whether an archive's file is hidden or was added by macOS."""
    return any(part == "__MACOSX" or part.startswith(".") for part in PurePosixPath(name).parts)
