"""Finds the file of a data set, and says what is missing where it cannot be read."""

from __future__ import annotations

from pathlib import Path

from engine.errors import B4RError


def find_file(dataset_path: str | None, file_name: str, title: str) -> Path:
    """The data file: `dataset_path` itself, or `file_name` in that folder.

    title: the data set's name for people. Raises B4RError that says which file is expected where.
    """
    if not dataset_path:
        raise B4RError(f"{title} needs the folder of its {file_name}; set data.dataset_path")
    path = Path(dataset_path)
    try:
        return _checked(path.expanduser(), file_name, title)
    except OSError as error:
        raise unreadable(path, error) from error
    except RuntimeError as error:
        raise B4RError(f"{path}: names no folder ({error}); mend data.dataset_path") from error


def _checked(path: Path, file_name: str, title: str) -> Path:
    file = path / file_name if path.is_dir() else path
    if file.is_dir():
        raise B4RError(
            f"{file}: is a folder where the file {file_name} of {title} is expected; put the file there"
        )
    if not file.exists():
        missing = f"{path}: has no {file_name}" if path.is_dir() else f"{path}: does not exist"
        raise B4RError(f"{missing}; put {file_name} of {title} there, or set data.dataset_path to its folder")
    return file


def unreadable(path: Path, error: OSError) -> B4RError:
    """The error to raise where the operating system refuses a file."""
    return B4RError(f"{path}: cannot be read ({error.strerror or error}); check the file and its permissions")
