"""The frozen config.toml of a run, highlighted, and what it differs in from the defaults, the file and its parent.

The highlighter is loaded when it is first looked at.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from rich.table import Table
from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.message import Message
from textual.widgets import Static, TextArea
from textual.worker import get_current_worker

from b4r_tui.app.services import services_of
from b4r_tui.app.widgets.palette import Palette, palette_of
from b4r_tui.common.format import plural
from engine.contract import run_folder
from engine.contract.errors import B4RError

if TYPE_CHECKING:
    from b4r_tui.app.snapshot import RunView
    from b4r_tui.runs.config_diff import Comparison
    from b4r_tui.runs.store import Run

HELP = "What differs from the defaults, from the file as it is now, and from the parent"


class ConfigView(Vertical):
    """Shows the file as it stands in the run folder, or just what differs."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("d", "compare", "Differences", tooltip=HELP)]
    DEFAULT_CSS = """
    ConfigView {
        #config-status { height: 1; padding: 0 1; color: $text-muted; }
        #config-changes { height: 1fr; padding: 0 1; display: none; background: transparent; }
        #config-changes Static { height: auto; }
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
        """The file of a run was read, and what it differs in."""

        run_key: str
        text: str
        comparisons: list[Comparison]

    def __init__(self) -> None:
        super().__init__()
        self._run_key = ""
        self._comparisons: list[Comparison] = []
        self._shown = 0  # 0 is the file itself

    def compose(self) -> ComposeResult:
        """What is shown; the file comes when it is read."""
        yield Static(id="config-status")
        with VerticalScroll(id="config-changes"):
            yield Static()

    async def show(self, view: RunView) -> None:
        """Show the configuration of a run; it is read once, since it never changes."""
        if view.key != self._run_key:
            self._run_key = view.key
            self._read(view.run, view.key)

    @work(thread=True, exclusive=True)
    def _read(self, run: Run, key: str) -> None:
        """Read the file and compare. The experiments may have changed since: each look compares anew."""
        from b4r_tui.runs.config_diff import compared

        path = run.dir / run_folder.CONFIG
        try:
            text = path.read_text(encoding="utf-8", errors="replace")
            comparisons = compared(run, services_of(self).file)
        except OSError as error:
            text, comparisons = f"# {path.name}: {error.strerror or error}", []
        except B4RError:  # of a version that knows other settings: shown as it is
            comparisons = []
        if not get_current_worker().is_cancelled:
            self.post_message(self.Read(key, text, comparisons))

    async def on_config_view_read(self, message: Read) -> None:
        """Put the text on screen."""
        if message.run_key != self._run_key:
            return
        if not self.query(TextArea):
            await self.mount(highlighted_area())
        self.query_one(TextArea).text = message.text
        self._comparisons = message.comparisons
        await self.redraw()

    async def redraw(self) -> None:
        """Draw again, in the colours of a new theme."""
        palette, wanted = palette_of(self.app), self._shown
        comparison = self._comparisons[wanted - 1] if 0 < wanted <= len(self._comparisons) else None
        self.query_one("#config-status", Static).update(said_of(self._comparisons, comparison))
        self.query_one("#config-changes").display = comparison is not None
        for area in self.query(TextArea):
            area.display = comparison is None
            use_clear_theme(area, self.app.current_theme.dark)
        if comparison is not None:
            self.query_one("#config-changes Static", Static).update(changes_table(comparison, palette))

    async def action_compare(self) -> None:
        """The next comparison, after the last the file itself."""
        self._shown = (self._shown + 1) % (len(self._comparisons) + 1)
        await self.redraw()
        if self._shown:
            self.query_one("#config-changes").focus()
        else:
            self.query_one(TextArea).focus()

    def rest(self) -> None:
        """Compare anew at the next look."""
        self._run_key = ""


def said_of(comparisons: list[Comparison], shown: Comparison | None) -> str:
    """The line above: what differs, and how to see it."""
    if shown is not None:
        count = f"{plural(len(shown.changes), 'setting')} not as in {shown.title}"
        return f"{f'No comparison with {shown.title}' if shown.missing else count} · d goes on"
    if not comparisons:
        return "config.toml, as it was when the run was launched"
    return f"{plural(len(comparisons[0].changes), 'setting')} not as in the defaults · 4, then d shows them"


def changes_table(comparison: Comparison, palette: Palette) -> Table | Text:
    """The settings that differ: the run's value, and the other one; or why there is nothing to tell."""
    if comparison.missing or not comparison.changes:
        return Text(comparison.missing or "Nothing differs.", palette.faint)
    table = Table(box=None, padding=(0, 2, 0, 0), header_style=palette.faint)
    for label in ("setting", "this run", f"{comparison.title}"):
        table.add_column(label, overflow="fold")
    for change in comparison.changes:
        table.add_row(
            Text(change.key), Text(change.here, f"bold {palette.second}"), Text(change.there, palette.faint)
        )
    return table


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
