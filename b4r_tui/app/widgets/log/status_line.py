"""The line above a log: which lines are shown, and which match is current."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from rich.text import Text

from b4r_tui.runs.logs.levels import Level

if TYPE_CHECKING:
    from b4r_tui.app.widgets.log.lines import LogLines
    from b4r_tui.app.widgets.palette import Palette
    from b4r_tui.runs.logs.reading import Page, Wish


def next_row(rows: np.ndarray, row: int, step: int) -> int | None:
    """Return the first of `rows` after `row` (step 1) or before it (step -1), wrapping; None where there is none."""
    if not len(rows):
        return None
    at = int(np.searchsorted(rows, row, side="right" if step > 0 else "left"))
    return int(rows[(at if step > 0 else at - 1) % len(rows)])


def status_of(page: Page | None, wish: Wish, lines: LogLines, palette: Palette) -> Text:
    """Return what is shown and hidden, the matches, and whether the end is followed."""
    facts: list[Text] = []
    if page is not None:
        facts.append(Text(_lines_of(page, wish)))
        facts += [Text(fact) for fact in _hidden(wish)]
        if wish.searched is not None:
            facts.append(_matches(page, wish, lines.current, palette))
    if page is not None and page.share_read < 1:
        facts.append(Text(f"reading {page.share_read:.0%}", palette.running))
    facts.append(Text("following", palette.running) if lines.following else Text("not following"))
    line = Text(" · ", palette.faint).join(facts)
    line.no_wrap, line.overflow = True, "ellipsis"
    return line


def _lines_of(page: Page, wish: Wish) -> str:
    name = wish.shown.source or ", ".join(_short(page.document.names)) or "no log yet"
    lines = "line" if page.count == 1 else "lines"
    if page.rows is None:
        return f"{name}: {page.count:,} {lines}"
    percent = "" if page.share_filtered == 1 else f" ({page.share_filtered:.0%})"
    return f"{name}: {page.shown:,} of {page.count:,} {lines}{percent}"


def _short(names: list[str]) -> list[str]:
    """Return the names, or their number where there are many."""
    return names if len(names) <= 3 else [f"{len(names)} logs"]


def _hidden(wish: Wish) -> list[str]:
    level, query = wish.shown.level, wish.shown.query
    facts = [f"{level.name.lower()} and up"] if level > Level.DEBUG else []
    return facts + ([f"& {query.text}"] if query else [])


def _matches(page: Page, wish: Wish, current: int | None, palette: Palette) -> Text:
    """Return such as `/ loss 3 of 17`."""
    assert wish.searched is not None
    up_to_date = page.wish.searched == wish.searched
    hits = page.hits if up_to_date else page.hits[:0]
    at = int(np.searchsorted(hits, current)) if current is not None else len(hits)
    is_hit = at < len(hits) and hits[at] == current
    percent = "" if up_to_date and page.share_searched == 1 else f" ({page.share_searched * up_to_date:.0%})"
    where = f"{at + 1:,} of {len(hits):,}" if is_hit else f"{len(hits):,} found"
    return Text(f"/ {wish.searched.text} {where}{percent}", palette.second)
