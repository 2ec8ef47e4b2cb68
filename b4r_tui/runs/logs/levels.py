"""How serious a line of a log is, told from the formats of Python, PyTorch, NCCL and plain programs.

Lines that belong to one before, such as those of a traceback, are as serious as that one.
"""

from __future__ import annotations

import re

from b4r_tui.runs.logs.level import Level

_RANK = re.compile(r"\[(?:rank|default|[a-z_]+)\d+\]: ?")  # put before lines by PyTorch
_GLOG = re.compile(r"\[?([DIWEF])\d{4} \d\d:\d\d:\d\d")  # torchrun's own, and its C++ parts'
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
_FIRST_WORDS = 160  # characters in which a program names the level
_TRACEBACK = re.compile(r"\s*(?:\+ )?(?:Exception Group )?Traceback \(most recent call last\):")
_CHAINED = ("During handling of the above exception", "The above exception was the direct cause")


class LevelReader:
    """Reads the lines of one log in order, each as text that was made readable."""

    def __init__(self) -> None:
        self.level = Level.INFO  # of the line before
        self._within = False  # a traceback, of which blank lines may be a part
        self._told = False  # the traceback's exception

    @property
    def open(self) -> bool:
        """Whether the next line may belong to those before."""
        return self.level != Level.INFO or self._within

    def copy(self) -> LevelReader:
        """A reader at the same place."""
        other = LevelReader()
        other.level, other._within, other._told = self.level, self._within, self._told
        return other

    def read(self, line: str) -> tuple[Level, bool]:
        """The level of the next line, and whether it is the first of those that belong together."""
        mark = _RANK.match(line)
        text = line[mark.end() :] if mark else line
        if _TRACEBACK.match(text):
            return self._traceback()
        if self._within and self._goes_on(text):
            return self.level, False
        self._within = False
        if text[:1].isspace() and self.level != Level.INFO:
            return self.level, False
        self.level = level_of(text)
        return self.level, True

    def _traceback(self) -> tuple[Level, bool]:
        """It belongs to the error that was logged with it, or to the traceback before."""
        goes_on = self._within or self.level >= Level.ERROR
        self.level = max(self.level, Level.ERROR)
        self._within, self._told = True, False
        return self.level, not goes_on

    def _goes_on(self, text: str) -> bool:
        """Whether a line after `Traceback` still is of it: frames, the exception, what leads to a chained one."""
        if not text.strip() or text[:1].isspace() or text.startswith(_CHAINED):
            return True
        if self._told:
            return False
        self._told = True
        return True


# What the bytes of a line hold where it may say a level. Escape sequences and carriage returns hide what is shown.
SIGNS = (
    *(b"rror", b"RROR", b"arning", b"WARN", b"RITICAL", b"FATAL", b"DEBUG", b"xception", b"Interrupt"),
    *(b"Failure", b"Traceback", b"Segmentation", b"terminate", b"level", b"\x1b", b"\xc2", b"\r"),
)


def level_of(text: str) -> Level:
    """The level that a line says itself; INFO where it says none."""
    glog = _GLOG.match(text)
    if glog:
        return _GLOG_LEVELS[glog[1]]
    word = _WORD.search(text, 0, _FIRST_WORDS)
    if word and word.lastindex:
        return Level((word.lastindex - 1) % 5 + 1)
    if _ERROR.match(text):
        return Level.ERROR
    return Level.WARNING if _WARNING.match(text) else Level.INFO
