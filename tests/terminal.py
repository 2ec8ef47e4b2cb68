"""Runs the program in a real pseudo-terminal, and reads the screen as a user sees it."""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pexpect
import pyte

PROGRAM = str(Path(sys.executable).parent / "b4r-tui")
PRIVATE = re.compile(r"\x1b\[[<=>?][0-9;]*[$a-zA-Z]*[a-zA-Z]")  # sequences that pyte would print


class Terminal:
    """The program in a new terminal; `screen` is what a user would see."""

    def __init__(
        self,
        folder: Path,
        columns: int = 120,
        rows: int = 36,
        command: Sequence[str] = (PROGRAM,),
        **environment: str,
    ) -> None:
        self._screen = pyte.Screen(columns, rows)
        self._stream = pyte.Stream(self._screen)
        self.raw = ""  # everything written to the terminal
        inherited = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}
        self.child = pexpect.spawn(
            command[0],
            list(command[1:]),
            cwd=str(folder),
            dimensions=(rows, columns),
            encoding="utf-8",
            env={**inherited, "TERM": "xterm-256color", "COLORTERM": "truecolor", **environment},
        )

    @property
    def screen(self) -> str:
        """Return the lines on screen."""
        return "\n".join(self._screen.display)

    def colours(self) -> set[str]:
        """Return the foreground colours on screen."""
        return {cell.fg for row in self._screen.buffer.values() for cell in row.values()}

    def press(self, keys: str) -> None:
        """Type the keys."""
        self.child.send(keys)

    def shows(self, text: str, seconds: float = 15.0) -> None:
        """Wait until the screen shows a text."""
        deadline = time.monotonic() + seconds
        while text not in self.screen:
            assert time.monotonic() < deadline, f"{text!r} did not appear:\n{self.screen}"
            self._read()

    def lacks(self, text: str, seconds: float = 15.0) -> None:
        """Wait until a text is gone from the screen."""
        deadline = time.monotonic() + seconds
        while text in self.screen:
            assert time.monotonic() < deadline, f"{text!r} is still there:\n{self.screen}"
            self._read()

    def ends(self, seconds: float = 10.0) -> str:
        """Wait until the program has ended; return its output after it left the screen."""
        self.child.expect(pexpect.EOF, timeout=seconds)
        self.child.close()
        self.raw += self.child.before or ""
        return re.sub(r"\x1b\[[0-9;?<>=]*[a-zA-Z]", "", self.child.before or "")

    def _read(self) -> None:
        try:
            text = self.child.read_nonblocking(65536, timeout=0.1)
            self.raw += text
            self._stream.feed(PRIVATE.sub("", text))
        except pexpect.TIMEOUT:
            return
        except pexpect.EOF:
            raise AssertionError(f"the program ended:\n{self.screen}") from None
