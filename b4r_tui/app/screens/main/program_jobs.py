"""Runs the engine's programs on finished runs: evaluate, fairness, recommend, export."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from textual import work
from textual.binding import Binding
from textual.message import Message
from textual.worker import get_current_worker

from b4r_tui.app.jobs import Cancelled, Job
from b4r_tui.app.screens.main.part import Part
from engine.contract.errors import B4RError

if TYPE_CHECKING:
    from b4r_tui.app.program_forms import Call
    from b4r_tui.runs.store import Run

TAB = "outputs"  # of the details of a run, with what programs have written
BINDINGS = [
    Binding("m", "run_program", "Evaluate…", tooltip="Evaluate, fairness, recommend or export"),
]


class ProgramJobs(Part):
    """The part of a screen that runs one program at a time on each finished run, and shows its progress."""

    @dataclass
    class Progressed(Message):
        """A program has made progress."""

        job: Job

    @dataclass
    class Done(Message):
        """A program has ended; error: a sentence if it failed."""

        job: Job
        error: str | None = None

    def __init__(self) -> None:
        super().__init__()
        self._jobs: dict[str, Job] = {}  # under way, by the run's key

    def may_start_job(self) -> bool:
        """Return whether the selected run has finished and no program runs on it."""
        view = self.table.selected
        return view is not None and view.state.value == "finished" and view.key not in self._jobs

    def show_job(self) -> None:
        """Show the progress of the program that runs on the selected run."""
        view = self.table.selected
        self.detail.show_job(self._jobs.get(view.key) if view else None)

    @work(group="ask")
    async def action_run_program(self) -> None:
        """Ask which program to run on the selected finished run, and run it."""
        from b4r_tui.app.screens.dialogs.run_program import RunProgram  # deferred

        view = self.table.selected
        if view is None:
            return
        call = await self.app.push_screen_wait(RunProgram(f"{view.run.experiment} {view.run.run_id}"))
        if call is None or view.key in self._jobs:
            return
        self._jobs[view.key] = job = Job(view.key, call.program.name, call.program.title)
        self.detail.open_tab(TAB)
        self.show_job()
        self.refresh_bindings()
        self._run_program(view.run, call, job)

    @work(thread=True, group="jobs")
    def _run_program(self, run: Run, call: Call, job: Job) -> None:
        """Run a program to its end; it is ended when the app exits."""
        worker = get_current_worker()

        def on_progress(phase: str, step: int, steps: int) -> None:
            if worker.is_cancelled:
                raise Cancelled
            self.post_message(self.Progressed(replace(job, phase=phase, step=step, steps=steps)))

        try:
            call.start(run, on_progress)
        except Cancelled:
            return
        except (B4RError, OSError) as error:
            self.post_message(self.Done(job, str(error)))
            return
        self.post_message(self.Done(job))

    def on_program_jobs_progressed(self, message: Progressed) -> None:
        """Record the progress, and show it if its run is on screen."""
        if message.job.key in self._jobs:
            self._jobs[message.job.key] = message.job
            self.show_job()

    def on_program_jobs_done(self, message: Done) -> None:
        """Show the result, or what went wrong."""
        job = message.job
        self._jobs.pop(job.key, None)
        self.show_job()
        self.refresh_bindings()
        self.detail.read_results_again()
        if message.error:
            self.services.show_error(f"{job.title} failed", message.error)
        else:
            self.notify("The result is on the tab Outputs.", title=job.title, timeout=4)
