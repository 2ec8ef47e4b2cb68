"""How each column of the table of runs draws a run, and a group's heading."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from rich.text import Text

from b4r_tui.app.widgets import numbers
from b4r_tui.app.widgets.palette import GLYPHS
from b4r_tui.app.widgets.runs.order import Heading, eta_of, note_of
from b4r_tui.common.format import duration, plural

if TYPE_CHECKING:
    from b4r_tui.app.snapshot import RunView
    from b4r_tui.app.widgets.runs.columns import Column, Look

MARK = "┃"
WORDS = 10  # cells in which a state's word fits


def marked(look: Look) -> Text:
    """The cell of a run that was chosen for what comes next."""
    return Text(MARK, f"bold {look.palette.second}")


def heading_cell(column: Column, heading: Heading, look: Look) -> Text:
    """A cell of the row above a group."""
    text = Text()
    if column.key == "run":
        text = Text(heading.title, f"bold {look.palette.strong}")
    elif column.key == "progress":
        text = _counts(heading, look)
    elif column.key == "state" and column.width >= WORDS:
        text = Text(plural(len(heading.views), "run"), look.palette.faint)
    return numbers.fitted(text, column.width, column.right)


def _counts(heading: Heading, look: Look) -> Text:
    counts = [
        Text(f"{GLYPHS[state]}{count}", getattr(look.palette, state))
        for state, count in heading.counts.items()
    ]
    return Text(" ").join(counts)


def epoch_of(view: RunView) -> str:
    """Epochs done of all, such as 7/20."""
    epochs = view.progress.epochs
    if not epochs:
        return numbers.NONE
    return f"{view.progress.epochs_done}/{epochs}"


def _state(view: RunView, look: Look, width: int) -> Text:
    return look.palette.badge(view.state) if width >= WORDS else look.palette.glyph(view.state)


def _progress(view: RunView, look: Look, width: int) -> Text:
    if view.state.value == "queued":
        return Text(note_of(view), look.palette.queued)
    return numbers.bar(view.progress.fraction(), width, look.palette.of(view.state), look.palette.faint)


def _note(view: RunView, look: Look, _: int) -> Text:
    return Text(note_of(view).partition("\n")[0], look.palette.of(view.state))


def _metric(number: int) -> Callable[[RunView, Look, int], Text]:
    def draw(view: RunView, look: Look, _: int) -> Text:
        there = look.protocol is not None and number < len(look.metrics)
        value = view.progress.metric(look.metrics[number], look.protocol) if there else None
        return _dimmed(numbers.metric(value), look)

    return draw


def _memory(view: RunView, look: Look, _: int) -> Text:
    memory = view.progress.memory_mb
    return _dimmed(numbers.NONE if memory is None else megabytes(memory), look)


def megabytes(count: float) -> str:
    """MiB, from ten thousand on as GiB: 812 MB, 12.5 GB."""
    return f"{count:,.0f} MB" if count < 10_000 else f"{count / 1024:,.1f} GB"


def _gpu(view: RunView, look: Look, _: int) -> Text:
    if not view.gpus:
        return _dimmed(numbers.NONE, look)
    return Text(f"{view.load:.0%}" if view.load is not None else f"× {len(view.gpus)}")


def _dimmed(shown: str, look: Look) -> Text:
    return Text(shown, look.palette.faint if shown == numbers.NONE else "")


Draw = Callable[["RunView", "Look", int], Text]
DRAWN: dict[str, Draw] = {
    "mark": lambda view, look, _: Text(),
    "state": _state,
    "run": lambda view, look, _: Text(view.run.run_id),
    "experiment": lambda view, look, _: Text(view.run.experiment),
    "epoch": lambda view, look, _: Text(epoch_of(view)),
    "progress": _progress,
    "loss": lambda view, look, _: _dimmed(numbers.loss(view.progress.loss), look),
    "metric": _metric(0),
    "second": _metric(1),
    "rate": lambda view, look, _: _dimmed(numbers.rate(view.progress.sequences_per_second), look),
    "memory": _memory,
    "gpu": _gpu,
    "eta": lambda view, look, _: _dimmed(duration(eta_of(view, look.now)), look),
    "note": _note,
}
