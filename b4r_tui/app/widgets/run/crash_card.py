"""Why a run died and what to do next, above the tabs of a run that did; nothing for any other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text
from textual.widgets import Static

from b4r_tui.app.widgets.change_tracker import News
from b4r_tui.app.widgets.palette import Palette, palette_of

if TYPE_CHECKING:
    from b4r_tui.app.snapshot import RunView
    from b4r_tui.runs.crash.card import Card

STEPS = 3  # that fit a small terminal; `show` prints all


class CrashCard(Static):
    """The card of the run it is given."""

    DEFAULT_CSS = """
    CrashCard { height: auto; max-height: 8; padding: 0 1; }
    """

    def __init__(self, id: str) -> None:
        super().__init__(id=id)
        self._news = News()

    def show(self, view: RunView | None) -> None:
        """Show the run's card, or vanish."""
        card = view.card if view else None
        self.display = card is not None
        said = drawn(card, palette_of(self.app)) if card else Text()
        if self._news.of("card", said):
            self.update(said)


def drawn(card: Card, palette: Palette) -> Text:
    """The card as text: what and where, the sentence, the first steps."""
    facts = [f"rank {card.rank}"] if card.rank is not None else []
    facts += [card.where] if card.where else []
    text = Text.assemble((card.title, f"bold {palette.failed}"))
    for fact in facts:
        text.append("  ·  ", palette.faint).append(fact)
    for number, step in enumerate(card.steps[:STEPS], 1):
        text.append(f"\n{number}. ", palette.faint).append(step)
    return text
