"""What every tab of a run can do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from textual.widget import Widget

if TYPE_CHECKING:
    from b4r_tui.app.snapshot import RunView


class RunTab(Widget):
    """A tab of a run. As a base it comes after the container, since Textual takes styles from the first base."""

    async def show(self, view: RunView) -> None:
        """Show a run."""
        raise NotImplementedError

    async def redraw(self) -> None:
        """Draw again, in the colours of a new theme."""
        raise NotImplementedError

    def pause(self) -> None:
        """Stop work in the background, since the tab is hidden; `show` starts it again."""

    def overlay(self, views: Sequence[RunView], metric: tuple[str, str] | None) -> None:
        """Let the next `show` draw the curves of these runs, if any, over each other, by a protocol and metric."""

    def read_again(self) -> None:
        """Read files again that a program may have written."""

    def search(self) -> bool:
        """Let the user type what to search; return whether the tab has a search."""
        return False
