"""Measure, recommend, export: what is done with a finished run, step by step, while the screen goes on."""

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
    from b4r_tui.app.program_forms import Action
    from b4r_tui.runs.store import Run


BINDINGS = [
    Binding("m", "after", "Measure", tooltip="Measure, recommend with or export the selected finished run"),
]


class JobsPart(Part):
    """The part of a screen that does one action at a time with each finished run, and tells how far it is."""

    @dataclass
    class Worked(Message):
        """An action on a run has come further."""

        job: Job

    @dataclass
    class Done(Message):
        """An action on a run has ended; error: a sentence where it failed."""

        job: Job
        error: str | None = None

    def __init__(self) -> None:
        super().__init__()
        self._jobs: dict[str, Job] = {}  # what is done with finished runs now, by the run's key

    def may_start_job(self) -> bool:
        """Whether the selected run has finished, and nothing is done with it yet."""
        view = self.table.selected
        return view is not None and view.state.value == "finished" and view.key not in self._jobs

    def show_job(self) -> None:
        """Show how far the action on the selected run is."""
        view = self.table.selected
        self.detail.show_job(self._jobs.get(view.key) if view else None)

    @work(group="ask")
    async def action_after(self) -> None:
        """Ask what to do with the selected finished run, and do it."""
        from b4r_tui.app.screens.dialogs.run_program import AfterTraining

        view = self.table.selected
        if view is None:
            return
        chosen = await self.app.push_screen_wait(AfterTraining(f"{view.run.experiment} {view.run.run_id}"))
        if chosen is None or view.key in self._jobs:
            return
        action, arguments = chosen
        self._jobs[view.key] = Job(view.key, action.name, action.title)
        self.detail.open_tab("outputs")
        self.show_job()
        self.refresh_bindings()
        self._work_on(view.run, action, arguments)

    @work(thread=True, group="jobs")
    def _work_on(self, run: Run, action: Action, arguments: list[str]) -> None:
        """Do an action; it ends when the app does."""
        worker, job = get_current_worker(), Job(str(run.dir), action.name, action.title)

        def told(phase: str, step: int, steps: int) -> None:
            if worker.is_cancelled:
                raise Cancelled
            self.post_message(self.Worked(replace(job, phase=phase, step=step, steps=steps)))

        try:
            action.start(run, arguments, told)
        except Cancelled:
            return
        except (B4RError, OSError) as error:
            self.post_message(self.Done(job, str(error)))
            return
        self.post_message(self.Done(job))

    def on_jobs_part_worked(self, message: Worked) -> None:
        """Keep how far an action is, and show it where its run is on screen."""
        if message.job.key in self._jobs:
            self._jobs[message.job.key] = message.job
            self.show_job()

    def on_jobs_part_done(self, message: Done) -> None:
        """Show the result, or what went wrong."""
        job = message.job
        self._jobs.pop(job.key, None)
        self.show_job()
        self.refresh_bindings()
        self.detail.read_results_again()
        if message.error:
            self.b4r.show_error(f"{job.title}: it did not work", message.error)
        else:
            self.notify("The result is on the tab After.", title=job.title, timeout=4)
