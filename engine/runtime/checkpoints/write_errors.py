"""Turns errors while a checkpoint is written into one sentence that names the file."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from torch.distributed.checkpoint import FileSystemWriter

from engine.contract.errors import B4RError, ExitCode

_FULL = (errno.ENOSPC, errno.EDQUOT)


@contextmanager
def os_errors() -> Iterator[None]:
    """Raise the OSError of the block itself where torch, closing its file, hides it behind another error."""
    try:
        yield
    except RuntimeError as error:
        if (cause := _os_error(error)) is None:
            raise
        raise cause from None


@contextmanager
def write_errors_as_b4r(path: Path) -> Iterator[None]:
    """Raise an OSError of the block as a B4RError about `path`."""
    try:
        with os_errors():
            yield
    except OSError as error:
        raise write_error(path, error) from None


def write_error(path: Path, error: Exception) -> B4RError:
    """Return the error to raise for one that occurred while `path` was written."""
    number = error.errno if isinstance(error, OSError) else None
    text = os.strerror(number) if number else " ".join(str(error).split()) or type(error).__name__
    fix = "free disk space" if number in _FULL or number is None else "make it writable"
    return B4RError(f"{path}: {text}; {fix}, then resume", ExitCode.ENVIRONMENT)


class OsErrorWriter(FileSystemWriter):
    """A FileSystemWriter that raises an OSError where the disk fails, so that all ranks learn the cause."""

    def write_data(self, *arguments: Any, **options: Any) -> Any:
        """Write and sync this rank's shards. Raises OSError."""
        with os_errors():
            return super().write_data(*arguments, **options)


def _os_error(error: BaseException | None) -> OSError | None:
    while error is not None and not isinstance(error, OSError):
        error = error.__cause__ or error.__context__
    return error
