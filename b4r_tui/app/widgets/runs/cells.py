"""How cells of the table of runs are drawn: of runs, and of the headings above groups."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from rich.text import Text

from b4r_tui.app.widgets.drawing import progress_bar
from b4r_tui.app.widgets.palette import GLYPHS
from b4r_tui.app.widgets.runs.look import WORDS
from b4r_tui.app.widgets.runs.values import reason
from b4r_tui.common.format import NOTHING, plural

if TYPE_CHECKING:
    from b4r_tui.app.snapshot import RunView
    from b4r_tui.app.widgets.runs.groups import RunGroup
    from b4r_tui.app.widgets.runs.look import Look

Draw = Callable[["RunView", "Look", int], Text]  # a run's cell, of at most so many cells of the terminal
DrawGroup = Callable[["RunGroup", "Look", int], Text]
MARK = "┃"


def blank(view: RunView, look: Look, width: int) -> Text:
    """Draw nothing."""
    return Text()


def mark(look: Look) -> Text:
    """Draw the mark of a run that actions apply to."""
    return Text(MARK, f"bold {look.palette.second}")


def state(view: RunView, look: Look, width: int) -> Text:
    """Draw the state's glyph, with its word where it fits."""
    return look.palette.badge(view.state) if width >= WORDS else look.palette.glyph(view.state)


def epochs(view: RunView, look: Look, width: int) -> Text:
    """Draw the epochs done of all, such as 7/20."""
    progress = view.progress
    return Text(f"{progress.epochs_done}/{progress.epochs}" if progress.epochs else NOTHING)


def progress(view: RunView, look: Look, width: int) -> Text:
    """Draw a bar; of a queued run, what it waits for."""
    if view.state.value == "queued":
        return Text(reason(view), look.palette.queued)
    return progress_bar(view.progress.fraction(), width, look.palette.of(view.state), look.palette.faint)


def first_reason(view: RunView, look: Look, width: int) -> Text:
    """Draw the first line of why a run waits or why it died."""
    return Text(reason(view).partition("\n")[0], look.palette.of(view.state))


def gpus(view: RunView, look: Look, width: int) -> Text:
    """Draw the load of the run's GPUs; their number where the load is unknown."""
    if not view.gpus:
        return Text(NOTHING, look.palette.faint)
    return Text(f"{view.load:.0%}" if view.load is not None else f"× {len(view.gpus)}")


def plain(text: Callable[[RunView], str]) -> Draw:
    """Return a drawing of a text as it is."""
    return lambda view, look, width: Text(text(view))


def number(value: Callable[[RunView, Look], float | None], written: Callable[[float | None], str]) -> Draw:
    """Return a drawing of a number, dim where there is none."""

    def draw(view: RunView, look: Look, width: int) -> Text:
        shown = written(value(view, look))
        return Text(shown, look.palette.faint if shown == NOTHING else "")

    return draw


def group_title(group: RunGroup, look: Look, width: int) -> Text:
    """Draw the name of a group."""
    return Text(group.title, f"bold {look.palette.strong}")


def group_size(group: RunGroup, look: Look, width: int) -> Text:
    """Draw the number of runs in a group where it fits."""
    return Text(plural(len(group.views), "run"), look.palette.faint) if width >= WORDS else Text()


def group_counts(group: RunGroup, look: Look, width: int) -> Text:
    """Draw how many runs of a group are in which state."""
    counts = [
        Text(f"{GLYPHS[state]}{count}", getattr(look.palette, state)) for state, count in group.counts.items()
    ]
    return Text(" ").join(counts)
