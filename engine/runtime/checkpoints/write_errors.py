"""A checkpoint that could not be written, told in one sentence that names the file."""

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
    """Raise the OSError that struck in the block where torch, closing its file, hides it behind an error of its own."""
    try:
        yield
    except RuntimeError as error:
        if (cause := _os_error(error)) is None:
            raise
        raise cause from None


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Tell an OSError of the block as a B4RError about `path`."""
    try:
        with os_errors():
            yield
    except OSError as error:
        raise unwritable(path, error) from None


def unwritable(path: Path, error: Exception) -> B4RError:
    """The sentence for an error that struck while `path` was written."""
    number = error.errno if isinstance(error, OSError) else None
    text = os.strerror(number) if number else " ".join(str(error).split()) or type(error).__name__
    mend = "make room" if number in _FULL or number is None else "let it be written"
    return B4RError(f"{path}: {text}; {mend} to go on", ExitCode.ENVIRONMENT)


class Writer(FileSystemWriter):
    """Writes and syncs shards and their index; what the disk refuses is an OSError, which all ranks then learn of."""

    def write_data(self, *arguments: Any, **options: Any) -> Any:
        """As FileSystemWriter."""
        with os_errors():
            return super().write_data(*arguments, **options)


def _os_error(error: BaseException | None) -> OSError | None:
    while error is not None and not isinstance(error, OSError):
        error = error.__cause__ or error.__context__
    return error
