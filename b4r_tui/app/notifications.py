"""Which runs ended since the last look, and how that is told: a sentence, a bell, a terminal's own notification."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from b4r_tui.common.format import decimal, duration
from engine.contract.sanitize import sanitize

if TYPE_CHECKING:
    from b4r_tui.app.snapshot import RunView

LOUDNESS = ("bell", "toast", "off")  # a message with a bell, without, and nothing
DESKTOP = ("off", "osc9", "osc777")  # which sequence the terminal shows outside of itself


class Endings:
    """Keeps which runs were seen alive. Each end is told once; what had ended before the app came never is."""

    def __init__(self) -> None:
        self._alive: set[str] = set()

    def news(self, views: Iterable[RunView]) -> list[RunView]:
        """The runs that were alive at an earlier look and have ended by now."""
        found = []
        for view in views:
            if not view.state.ended:
                self._alive.add(view.key)
            elif view.key in self._alive:
                self._alive.discard(view.key)
                found.append(view)
        return found


def title_of(view: RunView) -> str:
    """`base finished`."""
    return f"{view.run.experiment} {view.state.value}"


def sentence_of(view: RunView) -> str:
    """Which run it was, and its result or its error."""
    parts = [view.run.run_id, result_of(view)]
    if view.progress.seconds:
        parts.append(f"took {duration(view.progress.seconds)}")
    return " · ".join(part for part in parts if part)


def result_of(view: RunView) -> str:
    """NDCG@10 of the first protocol on test, or else on validation; of a failed run, why."""
    if view.state.value == "failed":
        return (view.card.title if view.card else view.progress.error or "").partition("\n")[0]
    if view.progress.test:
        protocol, metrics = next(iter(view.progress.test.metrics.items()), ("", {}))
        value = metrics.get("ndcg@10", {}).get("value")
        return f"test NDCG@10 {decimal(value)} ({protocol})" if value is not None else ""
    value = view.progress.metric("ndcg@10")
    return f"validation NDCG@10 {decimal(value)}" if value is not None else ""


def desktop_sequence(how: str, title: str, sentence: str, environment: Mapping[str, str]) -> str:
    """What to write to the terminal for a notification of its own; through tmux, where that is between.

    OSC 9 (iTerm2, kitty, WezTerm, Windows Terminal) has one text, OSC 777 (urxvt, foot, Ghostty) a title and a text.
    """
    clean = [" ".join(sanitize(text).split()).replace(";", ",") for text in (title, sentence)]
    if how == "osc9":
        sequence = f"\x1b]9;{clean[0]}: {clean[1]}\x1b\\"
    elif how == "osc777":
        sequence = f"\x1b]777;notify;{clean[0]};{clean[1]}\x1b\\"
    else:
        return ""
    if (
        "TMUX" in environment
    ):  # wants to be told to pass it on, escapes doubled; needs allow-passthrough there
        return "\x1bPtmux;" + sequence.replace("\x1b", "\x1b\x1b") + "\x1b\\"
    return sequence
