"""A crash card as lines of text, as `show` prints it."""

from __future__ import annotations

from rich.text import Text

from b4r_tui.runs.crash.card import Card


def card_lines(card: Card) -> list[Text]:
    """Return what failed and where, the explanation, the last lines of the log, and all steps."""
    place = [f"rank {card.rank}"] if card.rank is not None else []
    place += [card.where] if card.where else []
    lines = [Text(" · ".join([f"Crash: {card.title}", *place]), "bold red"), Text(f"  {card.sentence}")]
    lines += [Text(f"  | {line}", "dim") for line in card.excerpt]
    return lines + [Text(f"  {number}. {step}") for number, step in enumerate(card.steps, 1)]
