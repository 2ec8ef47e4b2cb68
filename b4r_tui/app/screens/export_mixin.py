"""Exports leaderboards and comparisons to a file: what the compare and leaderboard screens share."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from textual import work
from textual.message import Message
from textual.screen import Screen

from b4r_tui.app.screens.dialogs.ask_name import AskName
from b4r_tui.app.screens.dialogs.confirm import Confirm
from b4r_tui.app.services import services_of
from b4r_tui.results.export.formats import SUFFIXES
from b4r_tui.results.export.write import LeaderboardExport, write_export
from engine.contract.errors import B4RError

EXTENSIONS = tuple(SUFFIXES)
ABOUT = f"File name (the extension sets the format: {', '.join(EXTENSIONS[:-1])} or {EXTENSIONS[-1]})"


class ExportingScreen(Screen[None]):
    """A screen whose results can be exported."""

    @dataclass
    class Exported(Message):
        """The file was written; error: a sentence if it was not."""

        file: Path
        error: str = ""

    @work(group="export")
    async def ask_export(self, root: Path, name: str, options: LeaderboardExport) -> None:
        """Ask for a path, confirm before a file is replaced, then write it in a thread."""
        asked = await self.app.push_screen_wait(AskName("Export", ABOUT, name, path_fault))
        if asked is None:
            return
        file = Path(asked.strip()).expanduser()
        if file.exists():
            question = f"{file} exists. Replace it?"
            if not await self.app.push_screen_wait(Confirm("Export", question, "Replace")):
                return
        self._write(root, file, options)

    @work(thread=True, group="export")
    def _write(self, root: Path, file: Path, options: LeaderboardExport) -> None:
        try:
            write_export(root, file, options)
        except B4RError as error:
            self.post_message(self.Exported(file, error.sentence))
        else:
            self.post_message(self.Exported(file))

    def on_exporting_screen_exported(self, message: Exported) -> None:
        """Notify the user, or show what went wrong."""
        if message.error:
            services_of(self).show_error("Nothing was exported", message.error)
        else:
            self.notify(str(message.file), title="Exported", timeout=5, markup=False)


def path_fault(typed: str) -> str | None:
    """Return what is wrong with a path, or None."""
    path = Path(typed.strip()).expanduser()
    if path.suffix.lower() not in EXTENSIONS:
        return f"the extension must be {', '.join(EXTENSIONS[:-1])} or {EXTENSIONS[-1]}"
    if path.is_dir():
        return f"{path} is a folder; give a file name"
    if not path.parent.is_dir():
        return f"folder not found: {path.parent}"
    return None
