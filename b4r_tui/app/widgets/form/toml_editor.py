"""The file as text: highlighted TOML, with the problem of a line at its end."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from rich.text import Text
from textual.widgets import TextArea
from textual.widgets.text_area import Edit, EditResult

from b4r_tui.app.widgets.palette import palette_of
from b4r_tui.app.widgets.toml_theme import add_clear_themes, use_clear_theme
from engine.contract.sanitize import sanitize


class _PlainLines(str):
    """Text that only splits at line ends of files.

    TextArea calls `splitlines`, which also splits at U+0085, U+2028 and others; it would rewrite them as line ends.
    """

    def splitlines(self, keepends: bool = False) -> list[str]:
        """Return the lines, split at newline and carriage return only."""
        if keepends:
            raise NotImplementedError  # TextArea never asks for them
        lines = re.split("\r\n|\n|\r", self)
        return lines if lines[-1] else lines[:-1]


class TomlEditor(TextArea):
    """A text area that marks lines with problems, and whose text can be replaced without moving the cursor."""

    DEFAULT_CSS = """
    TomlEditor {
        height: 1fr;
        border: none;
        padding: 0;
        background: transparent;
        &:focus { border: none; background-tint: transparent 0%; }
        & .text-area--gutter { color: $text-disabled; background: transparent; }
        & .text-area--cursor-line { background: $boost; }
        & .text-area--cursor-gutter { color: $text-muted; background: $boost; }
        & .text-area--selection { background: $block-cursor-background; }
    }
    """

    def __init__(self) -> None:
        super().__init__(
            language="toml", show_line_numbers=True, soft_wrap=False, tab_behavior="focus", id="toml"
        )
        self._problems: dict[int, str] = {}
        add_clear_themes(self)

    def on_mount(self) -> None:
        """Use the colours of the app's theme."""
        self.redraw()

    def redraw(self) -> None:
        """Use the colours of a new theme."""
        use_clear_theme(self, self.app.current_theme.dark)

    def load_text(self, text: str) -> None:
        """Load a text, split into lines as TOML is."""
        super().load_text(_PlainLines(text))

    def edit(self, edit: Edit) -> EditResult:
        """Apply an edit, split into lines as TOML is."""
        return super().edit(replace(edit, text=_PlainLines(edit.text)))

    def show_problems(self, sentences: Mapping[int, str]) -> None:
        """Show these problems, by line from 1, and no others."""
        if dict(sentences) != self._problems:
            self._problems = dict(sentences)
            self.notify_style_update()
            self.refresh()

    def get_line(self, line_index: int) -> Text:
        """Return a line with its problem; characters that could control the terminal are replaced."""
        line = super().get_line(line_index)
        line.plain = sanitize(line.plain)
        sentence = self._problems.get(line_index + 1)
        if sentence:
            line.append(f"  ✗ {sentence}", palette_of(self.app).failed)
        return line

    def replace_text(self, text: str) -> None:
        """Replace only what differs, so that cursor and scroll position stay."""
        old = self.text
        if old == text:
            return
        start, old_end, new_end = changed_range(old, text)
        self.replace(
            text[start:new_end],
            _location(old, start),
            _location(old, old_end),
            maintain_selection_offset=True,
        )

    def show_line(self, line: int) -> None:
        """Move the cursor to a line, from 1, and scroll it into view."""
        self.move_cursor((line - 1, 0), center=True)


def changed_range(old: str, new: str) -> tuple[int, int, int]:
    """Return the start of the part that differs between two texts, and its end in each of them."""
    shorter = min(len(old), len(new))
    start = next((place for place in range(shorter) if old[place] != new[place]), shorter)
    same = 0
    while same < shorter - start and old[-1 - same] == new[-1 - same]:
        same += 1
    return start, len(old) - same, len(new) - same


def _location(text: str, place: int) -> tuple[int, int]:
    lines = text[:place].split("\n")
    return len(lines) - 1, len(lines[-1])
