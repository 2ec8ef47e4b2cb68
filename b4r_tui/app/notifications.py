"""Announces runs that have ended: a message, a bell, and the terminal's own desktop notification."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Protocol

from textual.notifications import SeverityLevel

from b4r_tui.common.format import decimal, duration
from engine.contract.sanitize import sanitize

if TYPE_CHECKING:
    from b4r_tui.app.session_state import SessionState
    from b4r_tui.app.snapshot import RunView

LEVELS = ("bell", "toast", "off")  # a message with a bell, without, or nothing
PROTOCOLS = ("off", "osc9", "osc777")  # escape sequence for the terminal's own notification


class Announcer(Protocol):
    """The part of an app that notifications need."""

    def notify(
        self,
        message: str,
        *,
        title: str = "",
        severity: SeverityLevel = "information",
        timeout: float | None = None,
        markup: bool = True,
    ) -> None:
        """Show a message in the corner."""

    def bell(self) -> None:
        """Ring the terminal's bell."""

    def write_to_terminal(self, sequence: str) -> None:
        """Write an escape sequence past the screen."""


class EndedRuns:
    """Tracks which runs were seen active. Each end is reported once; runs that had ended before never are."""

    def __init__(self) -> None:
        self._active: set[str] = set()

    def update(self, views: Iterable[RunView]) -> list[RunView]:
        """Return the runs that were active in an earlier snapshot and have ended in this one."""
        ended = []
        for view in views:
            if not view.state.ended:
                self._active.add(view.key)
            elif view.key in self._active:
                self._active.discard(view.key)
                ended.append(view)
        return ended


def announce(view: RunView, state: SessionState, app: Announcer) -> None:
    """Announce a run that has ended, as the user has chosen."""
    level = state.get("notify", LEVELS.__contains__) or LEVELS[0]
    if level == "off":
        return
    title, sentence = title_of(view), sentence_of(view)
    severity: SeverityLevel = "error" if view.state.value in ("failed", "lost") else "information"
    app.notify(sentence, title=title, severity=severity, timeout=8, markup=False)
    if level == "bell":
        app.bell()
    protocol = state.get("desktop", PROTOCOLS.__contains__) or PROTOCOLS[0]
    app.write_to_terminal(desktop_sequence(protocol, title, sentence, os.environ))


def title_of(view: RunView) -> str:
    """Return `base finished`."""
    return f"{view.run.experiment} {view.state.value}"


def sentence_of(view: RunView) -> str:
    """Return the id of a run, its result or its error, and how long it took."""
    parts = [view.run.run_id, result_of(view)]
    if view.progress.seconds:
        parts.append(f"took {duration(view.progress.seconds)}")
    return " · ".join(part for part in parts if part)


def result_of(view: RunView) -> str:
    """Return NDCG@10 of the first protocol on test, or else on validation; of a failed run, the reason."""
    if view.state.value == "failed":
        return (view.card.title if view.card else view.progress.error or "").partition("\n")[0]
    if view.progress.test:
        protocol, metrics = next(iter(view.progress.test.metrics.items()), ("", {}))
        value = metrics.get("ndcg@10", {}).get("value")
        return f"test NDCG@10 {decimal(value)} ({protocol})" if value is not None else ""
    value = view.progress.metric("ndcg@10")
    return f"validation NDCG@10 {decimal(value)}" if value is not None else ""


def desktop_sequence(protocol: str, title: str, sentence: str, environment: Mapping[str, str]) -> str:
    """Return the escape sequence of a desktop notification, wrapped for tmux if the app runs inside of it.

    OSC 9 (iTerm2, kitty, WezTerm, Windows Terminal) has one text, OSC 777 (urxvt, foot, Ghostty) a title and a text.
    """
    clean = [" ".join(sanitize(text).split()).replace(";", ",") for text in (title, sentence)]
    if protocol == "osc9":
        sequence = f"\x1b]9;{clean[0]}: {clean[1]}\x1b\\"
    elif protocol == "osc777":
        sequence = f"\x1b]777;notify;{clean[0]};{clean[1]}\x1b\\"
    else:
        return ""
    if (
        "TMUX" in environment
    ):  # passes it on only if wrapped with doubled escapes; needs allow-passthrough there
        return "\x1bPtmux;" + sequence.replace("\x1b", "\x1b\x1b") + "\x1b\\"
    return sequence
