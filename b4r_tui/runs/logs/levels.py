"""Recognises the level of log lines in the formats of Python, PyTorch, NCCL and other programs.

Continuation lines, such as those of a traceback, have the level of the line before.
"""

from __future__ import annotations

import re

from b4r_tui.runs.logs.level import Level

_RANK = re.compile(r"\[(?:rank|default|[a-z_]+)\d+\]: ?")  # PyTorch's prefix of lines
_GLOG = re.compile(r"\[?([DIWEF])\d{4} \d\d:\d\d:\d\d")  # of torchrun and PyTorch's C++ code
_GLOG_LEVELS = {
    "D": Level.DEBUG,
    "I": Level.INFO,
    "W": Level.WARNING,
    "E": Level.ERROR,
    "F": Level.CRITICAL,
}
_WORD = re.compile(
    r"(?<![A-Za-z0-9])(?:(DEBUG)|(INFO)|(WARN(?:ING)?)|(ERROR)|(CRITICAL|FATAL))(?![A-Za-z0-9])"
    r"|\b(?:level\"?[=:] ?\"?)(?:(debug)|(info)|(warn(?:ing)?)|(error)|(critical|fatal))\b"
)
_WARNING = re.compile(r"(?:.*\s)?(?:[A-Za-z_.]*Warning|warning): ")
_ERROR = re.compile(
    r"(?:[A-Za-z_]\w*\.)*[A-Z]\w*(?:Error|Exception|Interrupt|Failure)(?::|$)|(?:[Ff]atal )?[Ee]rror:"
    r"|.*Segmentation fault|.*terminate called|Fatal Python error"
)
_FIRST_WORDS = 160  # characters in which a program states the level
_TRACEBACK = re.compile(r"\s*(?:\+ )?(?:Exception Group )?Traceback \(most recent call last\):")
_CHAINED = ("During handling of the above exception", "The above exception was the direct cause")


class LevelReader:
    """Reads the lines of one log in order, each as readable text."""

    def __init__(self) -> None:
        self.level = Level.INFO  # of the line before
        self._within = False  # a traceback, which may contain blank lines
        self._has_exception = False  # whether the traceback's exception was read

    @property
    def open(self) -> bool:
        """Return whether the next line may be a continuation."""
        return self.level != Level.INFO or self._within

    def copy(self) -> LevelReader:
        """Return a reader at the same place."""
        other = LevelReader()
        other.level, other._within, other._has_exception = self.level, self._within, self._has_exception
        return other

    def read(self, line: str) -> tuple[Level, bool]:
        """Return the level of the next line, and whether it starts an entry."""
        mark = _RANK.match(line)
        text = line[mark.end() :] if mark else line
        if _TRACEBACK.match(text):
            return self._traceback()
        if self._within and self._is_continuation(text):
            return self.level, False
        self._within = False
        if text[:1].isspace() and self.level != Level.INFO:
            return self.level, False
        self.level = level_of(text)
        return self.level, True

    def _traceback(self) -> tuple[Level, bool]:
        """Start a traceback, which continues the error logged with it, or the traceback before."""
        continues = self._within or self.level >= Level.ERROR
        self.level = max(self.level, Level.ERROR)
        self._within, self._has_exception = True, False
        return self.level, not continues

    def _is_continuation(self, text: str) -> bool:
        """Return whether a line after `Traceback` is part of it: a frame, the exception, text before a chained one."""
        if not text.strip() or text[:1].isspace() or text.startswith(_CHAINED):
            return True
        if self._has_exception:
            return False
        self._has_exception = True
        return True


# Bytes in lines that may state a level; escape sequences and carriage returns may hide one.
SIGNS = (
    *(b"rror", b"RROR", b"arning", b"WARN", b"RITICAL", b"FATAL", b"DEBUG", b"xception", b"Interrupt"),
    *(b"Failure", b"Traceback", b"Segmentation", b"terminate", b"level", b"\x1b", b"\xc2", b"\r"),
)


def level_of(text: str) -> Level:
    """Return the level that a line states itself, INFO if none."""
    glog = _GLOG.match(text)
    if glog:
        return _GLOG_LEVELS[glog[1]]
    word = _WORD.search(text, 0, _FIRST_WORDS)
    if word and word.lastindex:
        return Level((word.lastindex - 1) % 5 + 1)
    if _ERROR.match(text):
        return Level.ERROR
    return Level.WARNING if _WARNING.match(text) else Level.INFO
