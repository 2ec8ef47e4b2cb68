"""The experiments file while it is edited: its text, the saved text, and the undo history."""

from __future__ import annotations

from dataclasses import dataclass, field

MAX_UNDO_STEPS = 1000


@dataclass
class Document:
    """One text that the form and the text editor both change.

    saved: the text on disk. version: incremented by every change, so that results for an older text can be dropped.
    """

    text: str
    saved: str
    version: int = 0
    _undone: list[str] = field(default_factory=list)
    _before: list[str] = field(default_factory=list)
    _mark: object = None

    @property
    def changed(self) -> bool:
        """Return whether there are unsaved changes."""
        return self.text != self.saved

    def open(self, text: str) -> None:
        """Start with the text of the file."""
        self.saved = text
        self._put(text)

    def change(self, text: str, mark: object = None) -> bool:
        """Set the text and return whether it differs. Consecutive changes with the same mark are undone as one."""
        if text == self.text:
            return False
        if mark is None or mark != self._mark:
            self._before = [*self._before[-MAX_UNDO_STEPS:], self.text]
        self._mark = mark
        self._undone.clear()
        self._put(text)
        return True

    def undo(self) -> bool:
        """Undo one step and return whether there was one."""
        return self._step(self._before, self._undone)

    def redo(self) -> bool:
        """Redo one step and return whether there was one."""
        return self._step(self._undone, self._before)

    def end_step(self) -> None:
        """Make the next change a separate undo step, whatever its mark."""
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
