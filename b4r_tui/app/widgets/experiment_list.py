"""The experiments of the file, each with its last result; highlighting one shows its runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Group
from rich.table import Table
from rich.text import Text
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from b4r_tui.app.widgets import numbers
from b4r_tui.app.widgets.palette import GLYPHS, NO_RUN_GLYPH, Palette, palette_of

if TYPE_CHECKING:
    from b4r_tui.app.snapshot import RunView, Snapshot
    from engine.contract.config.experiment import Experiment

Face = tuple[str, str, str, str, str]  # state or "", name, result, description, shape


class ExperimentList(OptionList):
    """One entry an experiment: state of the latest run, name, NDCG@10, description, mode and size."""

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
        self._faces: dict[str, Face] = {}
        self.lines = 3

    @property
    def selected(self) -> str | None:
        """The name of the highlighted experiment."""
        option = self.highlighted_option
        return option.id if option else None

    def show(self, snapshot: Snapshot) -> None:
        """Show these experiments; the highlight stays on the same name."""
        faces = {each.name: face_of(each, snapshot) for each in snapshot.experiments}
        if list(faces) != list(self._faces):
            self._rebuild(faces)
            return
        for name, face in faces.items():
            if face != self._faces[name]:
                self.replace_option_prompt(name, self._drawn(face))
        self._faces = faces

    def redraw(self, lines: int | None = None) -> None:
        """Draw every entry again: another theme, or another number of lines an entry (1 or 3)."""
        if lines is not None:
            self.lines = lines
        self._rebuild(self._faces)

    def _rebuild(self, faces: dict[str, Face]) -> None:
        selected = self.selected
        self._faces = faces
        self.set_options(Option(self._drawn(face), id=name) for name, face in faces.items())
        if faces:
            self.highlighted = list(faces).index(selected) if selected in faces else 0

    def _drawn(self, face: Face) -> Group | Table:
        palette = palette_of(self.app)
        return short_entry(face, palette) if self.lines == 1 else tall_entry(face, palette)


def face_of(experiment: Experiment, snapshot: Snapshot) -> Face:
    """What an entry shows, as plain texts that can be compared."""
    views = snapshot.runs_of(experiment.name)
    state = views[0].state.value if views else ""
    shape = f"{experiment.launch.mode} {experiment.launch.j} · {experiment.data.dataset_name}"
    return state, experiment.name, last_result(views), experiment.description, shape


def last_result(views: Sequence[RunView]) -> str:
    """NDCG@10 on the test split of the latest finished run (first protocol), or nothing."""
    for view in views:
        if view.state.value == "finished" and view.progress.test:
            first = next(iter(view.progress.test.metrics.values()), {})
            return numbers.metric(first.get("ndcg@10", {}).get("value"))
    return ""


def tall_entry(face: Face, palette: Palette) -> Group:
    """Three lines: name and result, shape, description."""
    state, name, result, description, shape = face
    entry = Table.grid(expand=True, padding=(0, 1, 0, 0))
    entry.add_column(width=1)
    entry.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
    entry.add_column(justify="right", no_wrap=True)
    entry.add_row(_dot(state, palette), Text(name, "bold"), Text(result, palette.finished))
    lines = [
        Text(f"  {line}", palette.faint, no_wrap=True, overflow="ellipsis") for line in (shape, description)
    ]
    return Group(entry, *lines)


def short_entry(face: Face, palette: Palette) -> Table:
    """One line, for narrow terminals."""
    state, name, result, description, shape = face
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
