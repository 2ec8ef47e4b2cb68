"""Parses and validates the text of the editor once typing pauses."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from b4r_tui.experiments.editing.analysis import CheckResult, ExperimentView, check_text, parse_view
from b4r_tui.experiments.editing.document import Document
from engine.contract.errors import B4RError

if TYPE_CHECKING:
    from b4r_tui.experiments.sweep_points import Sweep

TYPING_PAUSE = 0.06  # seconds without a change before a text is parsed
CHECK_PAUSE = 0.15  # seconds more before it is validated, which takes longer


class TextAnalysis:
    """Analyses a text in a thread; a newer request cancels the one before."""

    def __init__(
        self,
        path: Path,
        start: Callable[[Callable[[], Awaitable[None]]], object],
        preview: Callable[[Sweep], str],
        on_parsed: Callable[[int, ExperimentView | None], object],
        on_checked: Callable[[int, CheckResult], object],
    ) -> None:
        """start: runs a task in the event loop and cancels the one before. preview: describes a sweep's runs.

        on_parsed, on_checked: take the version of the text and the result; the view is None if it is not valid TOML.
        """
        self._path, self._start, self._preview = path, start, preview
        self._on_parsed, self._on_checked = on_parsed, on_checked

    def request(self, document: Document, name: str | None, delay: float = TYPING_PAUSE) -> None:
        """Analyse the document's text after `delay` seconds. name: the experiment to show."""
        self._start(partial(self._analyse, document.version, document.text, name, delay))

    async def _analyse(self, version: int, text: str, name: str | None, delay: float) -> None:
        await asyncio.sleep(delay)
        view = await asyncio.to_thread(_parse, text, name)
        self._on_parsed(version, view)
        await asyncio.sleep(CHECK_PAUSE)
        result = await asyncio.to_thread(self._check, text, view.name if view else name)
        self._on_checked(version, result)

    def _check(self, text: str, name: str | None) -> CheckResult:
        result = check_text(self._path, text, name)
        return replace(result, preview=self._preview(result.sweep)) if result.sweep else result


def sweep_preview(sweep: Sweep, runs_root: Path) -> str:
    """Return how many runs a sweep would start and how long they would take; "" if runs cannot be read."""
    from b4r_tui.runs.store import RunStore  # start-up: needed once a file has a sweep
    from b4r_tui.sweeps.preview import preview

    try:
        return preview(sweep, RunStore(runs_root)).sentence
    except B4RError:  # the main screen reports it
        return ""


def _parse(text: str, name: str | None) -> ExperimentView | None:
    try:
        return parse_view(text, name)
    except B4RError:
        return None
