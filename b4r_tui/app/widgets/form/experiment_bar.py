"""A line with the experiments of the file, the shown one highlighted, and as many around it as fit."""

from __future__ import annotations

from rich.style import Style
from rich.text import Text
from textual.widgets import Static

from b4r_tui.app.widgets.palette import palette_of

DEFAULTS_LABEL = "[defaults]"


class ExperimentBar(Static):
    """Clickable names of the experiments and [defaults]."""

    DEFAULT_CSS = """
    ExperimentBar {
        height: 1;
        padding: 0 1;
        link-style: none;
        link-color: $text-muted;
        link-style-hover: none;
        link-background-hover: $boost;
        link-color-hover: $foreground;
    }
    """

    def __init__(self) -> None:
        super().__init__()
        self._names: tuple[str | None, ...] = ()
        self._shown: str | None = None

    def show(self, names: tuple[str | None, ...], shown: str | None) -> None:
        """Show these names (None: [defaults]) with one of them highlighted."""
        if (names, shown) != (self._names, self._shown):
            self._names, self._shown = names, shown
            self.redraw()

    def on_resize(self) -> None:
        """Redraw, as more or fewer names fit."""
        self.redraw()

    def redraw(self) -> None:
        """Redraw, also in the colours of a new theme."""
        labels = [DEFAULTS_LABEL if name is None else name for name in self._names]
        at = self._names.index(self._shown) if self._shown in self._names else 0
        first, last = visible_range([len(label) + 2 for label in labels], at, self.size.width - 4)
        self.update(self._line(labels, at, first, last))

    def _line(self, labels: list[str], at: int, first: int, last: int) -> Text:
        palette = palette_of(self.app)
        line = Text("‹ " if first else "", palette.faint, no_wrap=True, overflow="ellipsis")
        for number in range(first, last):
            look = f"bold reverse {palette.running}" if number == at else palette.faint
            click = Style(meta={"@click": f"screen.show_number({number})"})
            line.append(f" {labels[number]} ", Style.parse(look) + (Style() if number == at else click))
        return line.append(" ›" if last < len(labels) else "", palette.faint)


def visible_range(widths: list[int], at: int, available: int) -> tuple[int, int]:
    """Return the range of neighbours around `at`, end excluded, that fits into the available width."""
    first, last = at, min(at + 1, len(widths))
    while True:
        used = sum(widths[first:last])
        if last < len(widths) and used + widths[last] <= available:
            last += 1
        elif first and used + widths[first - 1] <= available:
            first -= 1
        else:
            return first, last
