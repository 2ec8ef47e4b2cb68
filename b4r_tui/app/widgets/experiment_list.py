"""The list of the file's experiments, each with its last result; highlighting one shows its runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Group
from rich.table import Table
from rich.text import Text
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from b4r_tui.app.widgets.palette import GLYPHS, NO_RUN_GLYPH, Palette, palette_of
from b4r_tui.common.format import decimal

if TYPE_CHECKING:
    from b4r_tui.app.snapshot import RunView, Snapshot
    from engine.contract.config.experiment import Experiment

Entry = tuple[str, str, str, str, str]  # state or "", name, result, description, shape


class ExperimentList(OptionList):
    """Shows an entry per experiment: state of the latest run, name, NDCG@10, description, mode and size."""

    DEFAULT_CSS = """
    ExperimentList {
        height: 1fr;
        border: none;
        padding: 0;
        background: transparent;
        &:focus { border: none; background-tint: transparent 0%; }
        & > .option-list--option { padding: 0 1; }
    }
    """

    def __init__(self) -> None:
        super().__init__(id="experiments")
        self._entries: dict[str, Entry] = {}
        self.lines = 3

    @property
    def selected(self) -> str | None:
        """Return the name of the highlighted experiment."""
        option = self.highlighted_option
        return option.id if option else None

    def show(self, snapshot: Snapshot) -> None:
        """Show these experiments; the highlight stays on the same name."""
        entries = {each.name: entry_of(each, snapshot) for each in snapshot.experiments}
        if list(entries) != list(self._entries):
            self._rebuild(entries)
            return
        for name, entry in entries.items():
            if entry != self._entries[name]:
                self.replace_option_prompt(name, self._drawn(entry))
        self._entries = entries

    def redraw(self, lines: int | None = None) -> None:
        """Draw every entry again, in a new theme or with another number of lines per entry (1 or 3)."""
        if lines is not None:
            self.lines = lines
        self._rebuild(self._entries)

    def _rebuild(self, entries: dict[str, Entry]) -> None:
        selected = self.selected
        self._entries = entries
        self.set_options(Option(self._drawn(entry), id=name) for name, entry in entries.items())
        if entries:
            self.highlighted = list(entries).index(selected) if selected in entries else 0

    def _drawn(self, entry: Entry) -> Group | Table:
        palette = palette_of(self.app)
        return short_entry(entry, palette) if self.lines == 1 else tall_entry(entry, palette)


def entry_of(experiment: Experiment, snapshot: Snapshot) -> Entry:
    """Return what an entry shows, as plain texts that can be compared."""
    views = snapshot.runs_of(experiment.name)
    state = views[0].state.value if views else ""
    shape = f"{experiment.launch.mode} {experiment.launch.j} · {experiment.data.dataset_name}"
    return state, experiment.name, last_result(views), experiment.description, shape


def last_result(views: Sequence[RunView]) -> str:
    """Return NDCG@10 on the test split of the latest finished run (first protocol), or nothing."""
    for view in views:
        if view.state.value == "finished" and view.progress.test:
            first = next(iter(view.progress.test.metrics.values()), {})
            return decimal(first.get("ndcg@10", {}).get("value"))
    return ""


def tall_entry(texts: Entry, palette: Palette) -> Group:
    """Return three lines: name and result, shape, description."""
    state, name, result, description, shape = texts
    entry = Table.grid(expand=True, padding=(0, 1, 0, 0))
    entry.add_column(width=1)
    entry.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
    entry.add_column(justify="right", no_wrap=True)
    entry.add_row(_dot(state, palette), Text(name, "bold"), Text(result, palette.finished))
    lines = [
        Text(f"  {line}", palette.faint, no_wrap=True, overflow="ellipsis") for line in (shape, description)
    ]
    return Group(entry, *lines)


def short_entry(texts: Entry, palette: Palette) -> Table:
    """Return one line, for narrow terminals."""
    state, name, result, description, shape = texts
    entry = Table.grid(expand=True, padding=(0, 1, 0, 0))
    entry.add_column(width=1)
    entry.add_column(no_wrap=True, overflow="ellipsis", max_width=28)
    entry.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
    entry.add_column(justify="right", no_wrap=True)
    about = Text(" · ".join(part for part in (shape, description) if part), palette.faint)
    entry.add_row(_dot(state, palette), Text(name, "bold"), about, Text(result, palette.finished))
    return entry


def _dot(state: str, palette: Palette) -> Text:
    return Text(GLYPHS.get(state, NO_RUN_GLYPH), getattr(palette, state) if state else palette.faint)
