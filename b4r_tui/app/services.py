"""What screens and widgets may ask of the app. They are typed against this, so that none of them imports the app."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast, runtime_checkable

from textual.dom import DOMNode
from textual.screen import Screen

if TYPE_CHECKING:
    from b4r_tui.app.queue_menu import QueueChange
    from b4r_tui.app.snapshot import RunView
    from b4r_tui.runs.store import Run


class Services(Protocol):
    """The app, as its screens see it. Methods that change runs are called in a thread and raise B4RError."""

    @property
    def file(self) -> Path:
        """The experiments file."""

    @property
    def runs_root(self) -> Path:
        """The folder of all runs."""

    def views(self) -> Sequence[RunView]:
        """All runs of the last snapshot, newest first."""

    def launch(self, name: str) -> list[Run]:
        """Start the runs of an experiment of the file as it is on disk."""

    def stop(self, run: Run) -> None:
        """Ask a run to save and stop."""

    def resume(self, run: Run) -> None:
        """Resume a run from its last checkpoint."""

    def retry(self, run: Run) -> None:
        """Resume a run, or start a copy if its training had finished."""

    def delete(self, run: Run) -> None:
        """Delete a run with all its files."""

    def change_queue(self, change: QueueChange, runs: Sequence[Run]) -> None:
        """Change the places of queued runs."""

    def show_error(self, title: str, sentence: str) -> None:
        """Show an error until it is closed."""

    def edit_file(self) -> None:
        """Open the experiments file in the user's own editor, and wait until that is closed."""

    def edit_experiment(self, name: str) -> None:
        """Open the editor screen on an experiment."""

    def open_comparison(self, runs: Sequence[Run]) -> None:
        """Open the compare screen on these runs."""

    def choose_comparison(self, marked: Sequence[RunView]) -> object:
        """Compare the marked runs if they are at least two, else ask which ones."""

    async def open_run(self, view: RunView) -> None:
        """Show a run on the main screen."""


class PaletteServices(Services, Protocol):
    """What the command palette asks of the app beyond that."""

    def experiment_names(self) -> Sequence[str]:
        """The experiments of the file."""

    def remember(self, name: str, value: object) -> None:
        """Save a value for the next start."""

    def act_on(self, kind: type[Screen[Any]], action: str) -> object:
        """Go to a screen, and run one of its actions once it is ready."""

    def action_reset_layout(self) -> None:
        """Give all panes their default sizes."""

    def action_tour(self) -> None:
        """Show the tour."""


@runtime_checkable
class Loading(Protocol):
    """A screen that first reads what its keys act on."""

    @property
    def ready(self) -> bool:
        """Whether that has been read."""


@runtime_checkable
class Unsaved(Protocol):
    """A screen that may have unsaved changes."""

    @property
    def changed(self) -> bool:
        """Whether it has any."""

    def ask_to_leave(self, then: Callable[[], object]) -> object:
        """Call `then` once the changes are saved or discarded."""


def services_of(node: DOMNode) -> Services:
    """Return the app of a mounted screen or widget."""
    return cast(Services, node.app)
