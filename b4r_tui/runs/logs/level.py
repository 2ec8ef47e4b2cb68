"""The levels of log lines, apart from how they are recognised, so that the command line can name them at once."""

from __future__ import annotations

from enum import IntEnum


class Level(IntEnum):
    """A level of Python's logging, a tenth of its number."""

    DEBUG = 1
    INFO = 2
    WARNING = 3
    ERROR = 4
    CRITICAL = 5
