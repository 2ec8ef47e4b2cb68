"""Keeps a document and its file in sync: loads, saves, and merges changes by other programs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from b4r_tui.app.screens.editor.dialogs import Dialogs
from b4r_tui.experiments.editing.disk import FileOnDisk, read_disk, stamp_of, write_disk
from b4r_tui.experiments.editing.document import Document
from b4r_tui.experiments.editing.merge import merge

SHOWN_CONFLICTS = 4


class FileSync:
    """The file of a document. Files are read and written in threads, one at a time; documents in the event loop."""

    def __init__(
        self, path: Path, document: Document, dialogs: Dialogs, on_change: Callable[[], None]
    ) -> None:
        """on_change: called when the document took over changes by another program."""
        self._path, self._document, self._dialogs, self._on_change = path, document, dialogs, on_change
        self._disk: FileOnDisk | None = None
        self._lock = asyncio.Lock()

    @property
    def loaded(self) -> bool:
        """Return whether the file was read."""
        return self._disk is not None

    @property
    def outdated(self) -> bool:
        """Return whether another program changed the file and nothing is being done about it yet; cheap."""
        return not self._lock.locked() and self._changed_on_disk()

    async def load(self) -> None:
        """Read the file into the document. Raises B4RError if it cannot be read."""
        self._disk = await asyncio.to_thread(read_disk, self._path)
        self._document.open(self._disk.text)

    async def pull(self) -> None:
        """Merge what another program wrote into the document. Raises B4RError if it cannot be read."""
        async with self._lock:
            await self._pull()

    async def save(self) -> bool:
        """Write the document, merged with what another program wrote, and return whether it was written.

        It is not if the user prefers the other version. Raises B4RError if the file cannot be read or written.
        """
        if self._disk is None:
            return False
        async with self._lock:
            if self._changed_on_disk() and not await self._pull():
                return False
            self._disk = await asyncio.to_thread(write_disk, self._path, self._document.text, self._disk.bom)
            self._document.saved = self._disk.text
            self._document.end_step()
            return True

    def _changed_on_disk(self) -> bool:
        return self._disk is not None and stamp_of(self._path) != self._disk.stamp

    async def _pull(self) -> bool:
        """Merge the file into the document, or ask; return False if the user drops the own changes."""
        self._disk = await asyncio.to_thread(read_disk, self._path)
        document, theirs = self._document, self._disk.text
        if theirs == document.saved:
            return True
        merged = merge(document.saved, document.text, theirs)
        if merged.text is None:
            return await self._resolve(theirs, merged.conflicts)
        outcome = "merged with your changes" if document.changed else "reloaded"
        document.saved = theirs
        document.change(merged.text)
        self._on_change()
        self._dialogs.inform(f"Another program changed {self._path.name}; {outcome}.")
        return True

    async def _resolve(self, theirs: str, conflicts: tuple[str, ...]) -> bool:
        what = ", ".join(conflicts[:SHOWN_CONFLICTS]) or "the same lines"
        question = f"Another program changed {self._path.name} too. Both changed {what}. Which version should be kept?"
        answer = await self._dialogs.ask_choice("Conflict", question, {"k": "Keep mine", "t": "Take theirs"})
        self._document.saved = theirs
        if answer == "t":
            self._document.change(theirs)
        self._on_change()
        return answer != "t"
