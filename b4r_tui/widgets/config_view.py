"""The frozen config.toml of a run, highlighted; the highlighter is loaded when it is first looked at."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from textual import work
from textual.containers import Vertical
from textual.message import Message
from textual.widgets import TextArea

if TYPE_CHECKING:
    from b4r_tui.feed import RunView


class ConfigView(Vertical):
    """Shows the file as it stands in the run folder."""

    DEFAULT_CSS = """
    ConfigView {
        TextArea {
            height: 1fr;
            border: none;
            padding: 0;
            background: transparent;
            &:focus { border: none; background-tint: transparent 0%; }
            & .text-area--cursor-line { background: transparent; }
            & .text-area--gutter { color: $text-disabled; background: transparent; }
        }
    }
    """

    @dataclass
    class Read(Message):
        """The file of a run was read."""

        run_key: str
        text: str

    def __init__(self) -> None:
        super().__init__()
        self._run_key = ""

    async def show(self, view: RunView) -> None:
        """Show the configuration of a run; it is read once, since it never changes."""
        if view.key != self._run_key:
            self._run_key = view.key
            self._read(view.run.dir / "config.toml", view.key)

    @work(thread=True, exclusive=True)
    def _read(self, path: Path, key: str) -> None:
        try:
            text = path.read_text(encoding="utf-8", errors="replace")
        except OSError as error:
            text = f"# {path.name}: {error.strerror or error}"
        self.post_message(self.Read(key, text))

    async def on_config_view_read(self, message: Read) -> None:
        """Put the text on screen."""
        if message.run_key != self._run_key:
            return
        if not self.children:
            await self.mount(highlighted_area())
        self.query_one(TextArea).text = message.text
        await self.redraw()

    async def redraw(self) -> None:
        """Use the syntax colours that fit the app's theme."""
        for area in self.query(TextArea):
            use_clear_theme(area, self.app.current_theme.dark)

    def rest(self) -> None:
        """Nothing goes on here by itself."""


def highlighted_area() -> TextArea:
    """A text area that shows TOML, and lets nobody write."""
    area = TextArea(read_only=True, language="toml", show_line_numbers=True, soft_wrap=False)
    add_clear_themes(area)
    return area


def add_clear_themes(area: TextArea) -> None:
    """Themes that colour the words but leave the background to the app."""
    from textual.widgets.text_area import TextAreaTheme

    for name in ("vscode_dark", "github_light"):
        theme = TextAreaTheme.get_builtin_theme(name)
        assert theme is not None
        area.register_theme(TextAreaTheme(f"{name}-clear", syntax_styles=theme.syntax_styles))


def use_clear_theme(area: TextArea, dark: bool) -> None:
    """The syntax colours that fit the app's theme."""
    area.theme = "vscode_dark-clear" if dark else "github_light-clear"
