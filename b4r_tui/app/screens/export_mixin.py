"""Asks where to, and writes leaderboards there: what the compare and leaderboard screens share."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

from textual import work
from textual.message import Message
from textual.screen import Screen

from b4r_tui.app.screens.dialogs.ask_name import AskName
from b4r_tui.app.screens.dialogs.confirm import Confirm
from b4r_tui.results.export.formats import SUFFIXES
from engine.contract.errors import B4RError

if TYPE_CHECKING:
    from b4r_tui.app.app import B4RApp
    from b4r_tui.results.export.write import LeaderboardExport

ENDINGS = tuple(SUFFIXES)
ABOUT = f"Where to? The ending is the format: {', '.join(ENDINGS[:-1])} or {ENDINGS[-1]}."


class ExportingScreen(Screen[None]):
    """A screen whose results can be written into a file."""

    @dataclass
    class Exported(Message):
        """The file is written; error: a sentence where it is not."""

        file: Path
        error: str = ""

    @work(group="export")
    async def ask_export(self, root: Path, name: str, options: LeaderboardExport) -> None:
        """Ask for a path, and before a file is replaced; then write it in a thread."""
        asked = await self.app.push_screen_wait(AskName("Export", ABOUT, name, path_fault))
        if asked is None:
            return
        file = Path(asked.strip()).expanduser()
        if file.exists():
            question = f"{file} is there already. Replace it?"
            if not await self.app.push_screen_wait(Confirm("Export", question, "Replace")):
                return
        self._write(root, file, options)

    @work(thread=True, group="export")
    def _write(self, root: Path, file: Path, options: LeaderboardExport) -> None:
        from b4r_tui.results.export.write import write_export

        try:
            write_export(root, file, options)
        except B4RError as error:
            self.post_message(self.Exported(file, error.sentence))
        else:
            self.post_message(self.Exported(file))

    def on_exporting_screen_exported(self, message: Exported) -> None:
        """Say that it is done, or what went wrong."""
        if message.error:
            cast("B4RApp", self.app).show_error("Nothing was exported", message.error)
        else:
            self.notify(str(message.file), title="Exported", timeout=5, markup=False)


def path_fault(typed: str) -> str | None:
    """Why a path will not do, or None."""
    path = Path(typed.strip()).expanduser()
    if path.suffix.lower() not in ENDINGS:
        return f"the name has to end in {', '.join(ENDINGS[:-1])} or {ENDINGS[-1]}"
    if path.is_dir():
        return f"{path} is a folder; name a file"
    if not path.parent.is_dir():
        return f"there is no folder {path.parent}"
    return None
