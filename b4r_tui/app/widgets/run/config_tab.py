"""The tab with a run's config.toml, highlighted, and its differences from the defaults, the file and its parent.

The highlighter is loaded when the tab is first shown.
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
from b4r_tui.app.widgets.run_tab import RunTab
from b4r_tui.app.widgets.toml_theme import add_clear_themes, use_clear_theme
from b4r_tui.common.format import plural
from engine.contract import run_folder
from engine.contract.errors import B4RError

if TYPE_CHECKING:
    from b4r_tui.app.snapshot import RunView
    from b4r_tui.runs.config_diff import ConfigDiff
    from b4r_tui.runs.store import Run

HELP = "Compare with the defaults, the current file, the parent"


class ConfigTab(Vertical, RunTab):
    """Shows the file in the run folder, or one of its comparisons."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("d", "compare", "Differences", tooltip=HELP)]
    DEFAULT_CSS = """
    ConfigTab {
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
        """The file of a run was read and compared."""

        run_key: str
        text: str
        comparisons: list[ConfigDiff]

    def __init__(self) -> None:
        super().__init__()
        self._run_key = ""
        self._comparisons: list[ConfigDiff] = []
        self._shown = 0  # 0: the file itself

    def compose(self) -> ComposeResult:
        """Yield the status line and the differences; the file is mounted when it has been read."""
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
        """Read the file and compare it, again whenever the tab is shown: the experiments may have changed."""
        from b4r_tui.runs.config_diff import config_diffs

        path = run.dir / run_folder.CONFIG
        try:
            text = path.read_text(encoding="utf-8", errors="replace")
            comparisons = config_diffs(run, services_of(self).file)
        except OSError as error:
            text, comparisons = f"# {path.name}: {error.strerror or error}", []
        except B4RError:  # written by a version with other settings: shown as it is
            comparisons = []
        if not get_current_worker().is_cancelled:
            self.post_message(self.Read(key, text, comparisons))

    async def on_config_tab_read(self, message: Read) -> None:
        """Show the text and the differences."""
        if message.run_key != self._run_key:
            return
        if not self.query(TextArea):
            await self.mount(highlighted_area())
        self.query_one(TextArea).text = message.text
        self._comparisons = message.comparisons
        await self.redraw()

    async def redraw(self) -> None:
        """Draw again, in the colours of a new theme."""
        palette, place = palette_of(self.app), self._shown
        comparison = self._comparisons[place - 1] if 0 < place <= len(self._comparisons) else None
        self.query_one("#config-status", Static).update(status_of(self._comparisons, comparison))
        self.query_one("#config-changes").display = comparison is not None
        for area in self.query(TextArea):
            area.display = comparison is None
            use_clear_theme(area, self.app.current_theme.dark)
        if comparison is not None:
            self.query_one("#config-changes Static", Static).update(changes_table(comparison, palette))

    async def action_compare(self) -> None:
        """Show the next comparison; after the last, the file itself."""
        self._shown = (self._shown + 1) % (len(self._comparisons) + 1)
        await self.redraw()
        if self._shown:
            self.query_one("#config-changes").focus()
        else:
            self.query_one(TextArea).focus()

    def pause(self) -> None:
        """Compare again when the tab is shown next."""
        self._run_key = ""


def status_of(comparisons: list[ConfigDiff], shown: ConfigDiff | None) -> str:
    """Return the line above the file: how many settings differ, and how to see them."""
    if shown is not None:
        count = f"{plural(len(shown.changes), 'setting')} changed from {shown.title}"
        return f"{f'No comparison with {shown.title}' if shown.missing else count} · d for next"
    if not comparisons:
        return "config.toml, as it was when the run was launched"
    return f"{plural(len(comparisons[0].changes), 'setting')} changed from defaults · d to compare"


def changes_table(comparison: ConfigDiff, palette: Palette) -> Table | Text:
    """Return the settings that differ with both values, or why there are none."""
    if comparison.missing or not comparison.changes:
        return Text(comparison.missing or "No differences.", palette.faint)
    table = Table(box=None, padding=(0, 2, 0, 0), header_style=palette.faint)
    for label in ("setting", "this run", f"{comparison.title}"):
        table.add_column(label, overflow="fold")
    for change in comparison.changes:
        table.add_row(
            Text(change.key), Text(change.here, f"bold {palette.second}"), Text(change.there, palette.faint)
        )
    return table


def highlighted_area() -> TextArea:
    """Return a read-only text area that highlights TOML."""
    area = TextArea(read_only=True, language="toml", show_line_numbers=True, soft_wrap=False)
    add_clear_themes(area)
    return area
