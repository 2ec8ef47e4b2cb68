"""Finds the file of a data set, plain or compressed, and reports what is missing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from engine.contract import archives
from engine.contract.data_files import candidates, members_for
from engine.contract.errors import B4RError
from engine.data import fingerprint


@dataclass(frozen=True)
class Source:
    """The bytes of a data file. path: the file on disk. member: its name in a zip archive, if it is in one."""

    path: Path
    member: str | None = None

    def __str__(self) -> str:
        """Return the source as messages name it."""
        return f"{self.path}/{self.member}" if self.member else str(self.path)

    @property
    def name(self) -> str:
        """Name of the unpacked data file, without folders."""
        name = Path(self.member or self.path.name).name
        return name[:-3] if name.lower().endswith(".gz") else name

    @contextmanager
    def open(self) -> Iterator[BinaryIO]:
        """Open the unpacked bytes. Raises B4RError for a file that is unreadable, damaged, or a decompression bomb."""
        try:
            if self.member:
                with archives.opened_zip(self.path) as archive, archive.open(self.member) as file:
                    yield cast("BinaryIO", file)
            elif self.path.suffix.lower() == ".gz":
                with archives.opened_gzip(self.path) as file:
                    yield file
            else:
                with self.path.open("rb") as file:
                    yield file
        except OSError as error:
            raise unreadable(self.path, error) from error

    def fingerprint(self) -> str:
        """Return the SHA-256 of the unpacked bytes, so that compressing a file does not change it. Raises B4RError."""
        with self.open() as file:
            return fingerprint.of_stream(file)


def find_source(dataset_path: str | None, dataset_name: str, file_name: str, title: str) -> Source:
    """Find the data file: `dataset_path` itself, or the one in that folder; plain, .gz, or in a .zip.

    file_name, title: the expected file and the data set's name, for messages. Raises B4RError that says which file
    is expected where.
    """
    if not dataset_path:
        raise B4RError(f"data.dataset_path is missing; set it to the folder of {title}'s {file_name}")
    path = Path(dataset_path)
    try:
        return _unpacked(_found(path.expanduser(), dataset_name, file_name, title), dataset_name, file_name)
    except OSError as error:
        raise unreadable(path, error) from error
    except (RuntimeError, ValueError) as error:
        raise B4RError(f"{path}: not a valid path ({error}); fix data.dataset_path") from error


def _found(path: Path, dataset_name: str, file_name: str, title: str) -> Path:
    if path.is_dir():
        return _in_folder(path, dataset_name, file_name, title)
    if not path.exists():
        raise B4RError(
            f"data.dataset_path not found: {path}; put {file_name} of {title} there, or set it to its folder"
        )
    return path


def _in_folder(folder: Path, dataset_name: str, file_name: str, title: str) -> Path:
    if (folder / file_name).is_dir():
        raise B4RError(
            f"{folder / file_name}: is a folder, but the file {file_name} of {title} is expected; put the file there"
        )
    found = candidates(folder, dataset_name)
    if not found:
        raise B4RError(
            f"{folder}: has no {file_name}; put {file_name} of {title} there, "
            "or set data.dataset_path to its folder"
        )
    if len(found) > 1:
        raise B4RError(f"{folder}: has {_listed(found)}; set data.dataset_path to the one to read")
    return found[0]


def _unpacked(path: Path, dataset_name: str, file_name: str) -> Source:
    """Return the file, or the data file in it if it is an archive."""
    if path.suffix.lower() != ".zip":
        return Source(path)
    names = [info.filename for info in members_for(path, dataset_name)]
    if len(names) == 1:
        return Source(path, names[0])
    raise B4RError(
        f"{path}: contains {_listed(names)}, but one {file_name} is expected; unpack it and set data.dataset_path "
        "to the file"
    )


def _listed(names: list[Path] | list[str]) -> str:
    shown = [Path(name).name for name in names[:3]]
    return (
        " and ".join(shown) + (f" and {len(names) - 3} more" if len(names) > 3 else "") if names else "none"
    )


def unreadable(path: Path, error: OSError) -> B4RError:
    """Return the error to raise for a file that the operating system cannot read."""
    return B4RError(f"{path}: cannot be read ({error.strerror or error}); check the file and its permissions")
