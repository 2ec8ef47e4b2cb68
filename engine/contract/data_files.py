"""Which file each data set is read from, and where it may lie. Torch-free: the app checks it before a launch."""

from __future__ import annotations

import zipfile
from pathlib import Path, PurePosixPath

from engine.contract import archives

DATA_FILES = {"ml-100k": "u.data", "ml-1m": "ratings.dat", "ml-20m": "ratings.csv", "lt": "reviews.txt"}
TEXT_ENDINGS = (".csv", ".tsv", ".inter", ".txt")
OWN_ENDINGS = (*TEXT_ENDINGS, ".parquet")  # of own data, `csv`; texts may be packed as .gz or .zip


def fits(name: str, dataset_name: str) -> bool:
    """Whether a file of this name, no longer packed, is one that the data set is read from."""
    if dataset_name in DATA_FILES:
        return name == DATA_FILES[dataset_name]
    return PurePosixPath(name).suffix.lower() in OWN_ENDINGS


def candidates(folder: Path, dataset_name: str) -> list[Path]:
    """The files of a folder that the data set can be read from, plain ones before packed ones.

    Of own data any file with a known ending; else the one known name, or where that is missing, as .gz and in
    .zip files. Raises OSError, and B4RError for a zip that is unsafe or damaged.
    """
    files = sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
    plain = [path for path in files if fits(path.name, dataset_name)]
    if plain and dataset_name in DATA_FILES:
        return plain
    return plain + [path for path in files if _holds_one(path, dataset_name)]


def members_for(path: Path, dataset_name: str) -> list[zipfile.ZipInfo]:
    """The files in a zip archive that the data set can be read from. Raises OSError; B4RError if it is unsafe."""
    return [
        info
        for info in archives.members(path)
        if fits(PurePosixPath(info.filename).name, dataset_name) and not _is_extra(info.filename)
    ]


def _holds_one(path: Path, dataset_name: str) -> bool:
    ending = path.suffix.lower()
    if ending == ".gz":
        return fits(path.name[: -len(ending)], dataset_name)
    if ending != ".zip":
        return False
    return dataset_name not in DATA_FILES or bool(members_for(path, dataset_name))


def _is_extra(name: str) -> bool:
    """Whether an archive's file is what macOS adds, or hidden."""
    return any(part == "__MACOSX" or part.startswith(".") for part in PurePosixPath(name).parts)
