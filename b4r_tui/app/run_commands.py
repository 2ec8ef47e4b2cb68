"""The part of the app that calls the core to change runs. Every method is called in a thread and raises B4RError."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from b4r_tui.app.queue_menu import QueueChange
    from b4r_tui.runs.store import Run


class RunCommands:
    """Commands on the runs of a runs root, launched from one experiments file. All imports are deferred."""

    file: Path
    runs_root: Path

    def launch(self, name: str) -> list[Run]:
        """Start the runs of an experiment of the file as it is on disk."""
        from b4r_tui.experiments.load import load_experiments
        from b4r_tui.runs.launch import launch
        from b4r_tui.runs.store import RunStore

        return launch(RunStore(self.runs_root), load_experiments(self.file, only=[name]).runnable())

    def stop(self, run: Run) -> None:
        """Ask a run to save and stop."""
        from b4r_tui.runs.launch import stop

        stop(run)

    def resume(self, run: Run) -> None:
        """Resume a run from its last checkpoint."""
        from b4r_tui.runs.resume import resume

        resume(run)

    def retry(self, run: Run) -> None:
        """Resume a run, or start a copy if its training had finished."""
        from b4r_tui.runs.retry import retry
        from b4r_tui.runs.store import RunStore

        retry(RunStore(self.runs_root), [run])

    def delete(self, run: Run) -> None:
        """Delete a run with all its files."""
        from b4r_tui.runs.delete import delete

        delete(run)

    def change_queue(self, change: QueueChange, runs: Sequence[Run]) -> None:
        """Change the places of queued runs."""
        from b4r_tui.runs.store import RunStore

        change(RunStore(self.runs_root), runs)
