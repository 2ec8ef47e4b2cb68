"""The base class of errors that a user can fix, and the exit codes of all programs."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """The exit code of a process."""

    OK = 0
    RUN_FAILED = 1
    BAD_INPUT = 2
    ENVIRONMENT = 3
    INTERRUPTED = 130


class B4RError(Exception):
    """An error described by one sentence that names the file, the key or line, and the fix."""

    def __init__(self, sentence: str, code: ExitCode = ExitCode.BAD_INPUT) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.code = code
