"""The one base class of errors that a person can mend, and the exit codes every face uses."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """What the process tells the shell."""

    OK = 0
    RUN_FAILED = 1
    BAD_INPUT = 2
    ENVIRONMENT = 3
    INTERRUPTED = 130


class B4RError(Exception):
    """An error told in one sentence that names the file, the key or line, and the mend."""

    def __init__(self, sentence: str, code: ExitCode = ExitCode.BAD_INPUT) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.code = code
