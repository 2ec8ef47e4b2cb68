"""Keys that act on the selected runs, or else on the one under the cursor."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from textual import work
from textual.binding import Binding
from textual.message import Message
from textual.screen import Screen

from b4r_tui.app.queue_menu import CHANGES, PRIORITY, QueueChange, set_priorities
from b4r_tui.app.screens.dialogs.confirm import Confirm
from b4r_tui.app.screens.main.part import Part
from b4r_tui.common.format import plural
from engine.contract.errors import B4RError

if TYPE_CHECKING:
    from b4r_tui.app.snapshot import RunView
    from b4r_tui.runs.store import Run

NAMED = 4  # runs that a question lists by name
RESUMABLE = ("stopped", "failed", "lost")  # states; by name, since the first paint does not import runs
ALLOWED: dict[str, Callable[[RunView], bool]] = {
    "stop": lambda view: not view.state.ended,
    "resume": lambda view: view.state.value in RESUMABLE,
    "retry": lambda view: view.state.value in RESUMABLE,
    "delete": lambda view: view.state.value != "running",
    "queue": lambda view: view.state.value == "queued",
}
RETRY_HELP = "Retry: resume, or start a copy if training had finished"
BINDINGS = [
    Binding("s", "stop", "Stop", tooltip="Stop the run(s); they save a checkpoint and can be resumed"),
    Binding("R", "resume", "Resume", tooltip="Resume the run(s) from the last checkpoint"),
    Binding("t", "retry", "Retry", show=False, tooltip=RETRY_HELP),
    Binding("D", "delete", "Delete", show=False, tooltip="Delete the run(s) with all files"),
    Binding("p", "queue", "Queue", show=False, tooltip="Move, pause or prioritise queued runs"),
]


class RunActions(Part):
    """The part of a screen that stops, resumes, retries, deletes and queues runs."""

    @dataclass
    class Acted(Message):
        """The core has acted on these runs; done: the participle of the action."""

        done: str
        views: Sequence[RunView]

    @dataclass
    class Refused(Message):
        """The core could not do what was asked."""

        title: str
        sentence: str

    def allowed(self, action: str) -> list[RunView]:
        """Return the selected runs that an action applies to in their state, oldest first."""
        return sorted(filter(ALLOWED[action], self.table.chosen), key=lambda view: view.run.run_id)

    def read_now(self) -> None:
        """Poll at once."""

    def action_reload(self) -> None:
        """Read the experiments again."""

    @work(group="ask")
    async def action_stop(self) -> None:
        """Stop runs after confirmation."""
        views = self.allowed("stop")
        if views and await self._confirmed("Stop", stop_question(views), f"Stop {_runs(views)}"):
            self.notify(
                "Saving a checkpoint first; this can take a moment.", title=f"Stopping {_named(views)}"
            )
            self._do_each("stopped", views, self.services.stop)

    def action_resume(self) -> None:
        """Resume runs."""
        self._do_each("resumed", self.allowed("resume"), self.services.resume)

    def action_retry(self) -> None:
        """Retry runs."""
        self._do_each("retried", self.allowed("retry"), self.services.retry)

    @work(group="ask")
    async def action_delete(self) -> None:
        """Delete runs after confirmation."""
        views = self.allowed("delete")
        left = len(self.table.chosen) - len(views)
        if views and await self._confirmed("Delete", delete_question(views, left), f"Delete {_runs(views)}"):
            self._do_each("deleted", views, self.services.delete)

    @work(group="ask")
    async def action_queue(self) -> None:
        """Ask how to change the places of queued runs."""
        from b4r_tui.app.screens.dialogs.choose import Choose  # deferred

        views = self.allowed("queue")
        if not views:
            return
        answers = [*CHANGES, PRIORITY]
        chosen = await self.app.push_screen_wait(Choose(f"Queue: {_named(views)}", answers, answers[0]))
        if chosen is not None:
            change = CHANGES.get(chosen) or await self._ask_priority(views)
            if change is not None:
                self._change_queue(change, views)

    async def _ask_priority(self, views: Sequence[RunView]) -> QueueChange | None:
        from b4r_tui.app.screens.dialogs.ask_number import AskNumber  # deferred

        question = f"Priority of {_named(views)}; higher starts first, default 0"
        priority = await self.app.push_screen_wait(AskNumber("Priority", question))
        return None if priority is None else partial(set_priorities, priority=priority)

    async def _confirmed(self, title: str, question: str, yes: str) -> bool:
        screen: Screen[bool] = Confirm(title, question, yes)
        return await self.app.push_screen_wait(screen)

    @work(thread=True, group="core")
    def _do_each(self, done: str, views: Sequence[RunView], act: Callable[[Run], None]) -> None:
        """Act on each run; if the core refuses one, the others are still done."""
        answers = [(view, _refusal(act, view.run)) for view in views]
        refused = [(view, sentence) for view, sentence in answers if sentence is not None]
        self._report(done, [view for view, sentence in answers if sentence is None], refused)

    @work(thread=True, group="core")
    def _change_queue(self, change: QueueChange, views: Sequence[RunView]) -> None:
        """Change the places of all runs together."""
        try:
            self.services.change_queue(change, [view.run for view in views])
        except B4RError as error:
            self._report("updated", [], [(view, error.sentence) for view in views[:1]])
            return
        self._report("updated", views, [])

    def _report(self, done: str, views: Sequence[RunView], refused: Sequence[tuple[RunView, str]]) -> None:
        """Report what was done and what was refused; called in a thread."""
        if views:
            self.post_message(self.Acted(done, views))
        if refused:
            title = f"{_named([view for view, _ in refused])}: not {done}"
            self.post_message(self.Refused(title, "\n".join(sentence for _, sentence in refused[:NAMED])))
        self.read_now()

    def on_run_actions_acted(self, message: Acted) -> None:
        """Notify the user; a stop takes a while, and was announced before."""
        if message.done != "stopped":
            self.notify("", title=f"{message.done.capitalize()} {_named(message.views)}", timeout=3)

    def on_run_actions_refused(self, message: Refused) -> None:
        """Show the error; the file may be its cause, so read it again."""
        self.services.show_error(message.title, message.sentence)
        self.action_reload()


def stop_question(views: Sequence[RunView]) -> str:
    """Return the question before runs are stopped."""
    if len(views) > 1:
        return f"Stop {len(views)} runs?\n{_list(views)}"
    done, epochs = views[0].progress.epochs_done, views[0].progress.epochs
    far = f" It has completed {done} of {epochs} epochs." if done and epochs else ""
    return f"Stop {views[0].run.experiment} {views[0].run.run_id}?{far}"


def delete_question(views: Sequence[RunView], left: int) -> str:
    """Return the question before runs are deleted. left: how many selected ones are running and stay."""
    what = f"{len(views)} runs" if len(views) > 1 else f"{views[0].run.experiment} {views[0].run.run_id}"
    stay = f"\nStill running, not deleted: {plural(left, 'run')}." if left else ""
    question = f"Delete {what} with all files, including checkpoints? This cannot be undone."
    return f"{question}\n{_list(views)}{stay}".rstrip()


def _list(views: Sequence[RunView]) -> str:
    if len(views) == 1:
        return ""
    names = [f"{view.run.experiment} {view.run.run_id} ({view.state.value})" for view in views[:NAMED]]
    return "\n".join(names + ([f"and {len(views) - NAMED} more"] if len(views) > NAMED else []))


def _named(views: Sequence[RunView]) -> str:
    return views[0].run.run_id if len(views) == 1 else f"{len(views)} runs"


def _runs(views: Sequence[RunView]) -> str:
    return "run" if len(views) == 1 else f"{len(views)} runs"


def _refusal(act: Callable[[Run], None], run: Run) -> str | None:
    """Act on a run; return the error of the core if it refuses."""
    try:
        act(run)
    except B4RError as error:
        return error.sentence
    return None
