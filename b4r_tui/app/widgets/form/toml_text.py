"""The file as text: TOML with colours, and at the end of a line what is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping

from rich.text import Text
from textual.widgets import TextArea

from b4r_tui.app.widgets.palette import palette_of
from b4r_tui.app.widgets.toml_theme import add_clear_themes, use_clear_theme


class TomlText(TextArea):
    """Edited like any text. `say` puts sentences at lines; `take` changes the text and keeps the cursor."""

    DEFAULT_CSS = """
    TomlText {
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
        self._said: dict[int, str] = {}
        add_clear_themes(self)

    def on_mount(self) -> None:
        """Colours of the app's theme."""
        self.redraw()

    def redraw(self) -> None:
        """Use the colours of a new theme."""
        use_clear_theme(self, self.app.current_theme.dark)

    def say(self, sentences: Mapping[int, str]) -> None:
        """What is wrong, by lines counted from 1; other lines say nothing."""
        if dict(sentences) != self._said:
            self._said = dict(sentences)
            self.notify_style_update()
            self.refresh()

    def get_line(self, line_index: int) -> Text:
        """A line as it is drawn."""
        line = super().get_line(line_index)
        sentence = self._said.get(line_index + 1)
        if sentence:
            line.append(f"  ✗ {sentence}", palette_of(self.app).failed)
        return line

    def take(self, text: str) -> None:
        """Change only what differs, so that the cursor and the view stay."""
        old = self.text
        if old == text:
            return
        start, old_end, new_end = differing(old, text)
        self.replace(
            text[start:new_end],
            _location(old, start),
            _location(old, old_end),
            maintain_selection_offset=True,
        )

    def show_line(self, line: int) -> None:
        """Put the cursor on a line, counted from 1, in sight."""
        self.move_cursor((line - 1, 0), center=True)


def differing(old: str, new: str) -> tuple[int, int, int]:
    """Where two texts begin to differ, and where each is over with what differs."""
    most = min(len(old), len(new))
    start = next((place for place in range(most) if old[place] != new[place]), most)
    same = 0
    while same < most - start and old[-1 - same] == new[-1 - same]:
        same += 1
    return start, len(old) - same, len(new) - same


def _location(text: str, place: int) -> tuple[int, int]:
    lines = text[:place].split("\n")
    return len(lines) - 1, len(lines[-1])
