"""The card above the tabs of a run that died: why it died and what to do next."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text
from textual.widgets import Static

from b4r_tui.app.widgets.change_tracker import ChangeTracker
from b4r_tui.app.widgets.palette import Palette, palette_of

if TYPE_CHECKING:
    from b4r_tui.app.snapshot import RunView
    from b4r_tui.runs.crash.card import Card

MAX_STEPS = 3  # fit a small terminal; the command `show` prints all


class CrashCard(Static):
    """Shows the card of a run, and is hidden for runs without one."""

    DEFAULT_CSS = """
    CrashCard { height: auto; max-height: 8; padding: 0 1; }
    """

    def __init__(self, id: str) -> None:
        super().__init__(id=id)
        self._tracker = ChangeTracker()

    def show(self, view: RunView | None) -> None:
        """Show the run's card, or hide."""
        card = view.card if view else None
        self.display = card is not None
        text = card_text(card, palette_of(self.app)) if card else Text()
        if self._tracker.changed("card", text):
            self.update(text)


def card_text(card: Card, palette: Palette) -> Text:
    """Return the card as text: the cause and where it happened, then the first steps."""
    facts = [f"rank {card.rank}"] if card.rank is not None else []
    facts += [card.where] if card.where else []
    text = Text.assemble((card.title, f"bold {palette.failed}"))
    for fact in facts:
        text.append("  ·  ", palette.faint).append(fact)
    for number, step in enumerate(card.steps[:MAX_STEPS], 1):
        text.append(f"\n{number}. ", palette.faint).append(step)
    return text
