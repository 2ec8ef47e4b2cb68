"""The experiments file while it is edited: its text, what was saved last, and the way back and forth."""

from __future__ import annotations

from dataclasses import dataclass, field

MOST_STEPS = 1000


@dataclass
class Document:
    """One text that the form and the text pane both change.

    saved: the text as it is on disk. version goes up with every change, so that results about an older one are
    known to be stale.
    """

    text: str
    saved: str
    version: int = 0
    _undone: list[str] = field(default_factory=list)
    _before: list[str] = field(default_factory=list)
    _mark: object = None

    @property
    def changed(self) -> bool:
        """Whether there is something to save."""
        return self.text != self.saved

    def change(self, text: str, mark: object = None) -> bool:
        """Take a new text; whether it differs. Changes in a row with the same mark are undone as one."""
        if text == self.text:
            return False
        if mark is None or mark != self._mark:
            self._before = [*self._before[-MOST_STEPS:], self.text]
        self._mark = mark
        self._undone.clear()
        self._put(text)
        return True

    def undo(self) -> bool:
        """Go one step back; whether there was one."""
        return self._step(self._before, self._undone)

    def redo(self) -> bool:
        """Go one step forth again; whether there was one."""
        return self._step(self._undone, self._before)

    def pause(self) -> None:
        """The next change is a step of its own, whatever its mark."""
        self._mark = None

    def _step(self, here: list[str], there: list[str]) -> bool:
        self._mark = None
        if not here:
            return False
        there.append(self.text)
        self._put(here.pop())
        return True

    def _put(self, text: str) -> None:
        self.text = text
        self.version += 1
