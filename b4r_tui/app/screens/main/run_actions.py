"""Keys that act on runs: on the marked ones, or else on the one under the cursor."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from textual import work
from textual.binding import Binding
from textual.message import Message
from textual.screen import Screen

from b4r_tui.app.queue_menu import PLACES, PRIORITY, prioritised
from b4r_tui.app.screens.dialogs.confirm import Confirm
from b4r_tui.app.screens.main.part import Part
from b4r_tui.common.format import plural
from engine.contract.errors import B4RError

if TYPE_CHECKING:
    from b4r_tui.app.snapshot import RunView
    from b4r_tui.runs.store import Run

NAMED = 4  # runs that a question names; of more it tells the number
RESUMABLE = ("stopped", "failed", "lost")  # states; told by name, since the first paint does not load runs
FITS: dict[str, Callable[[RunView], bool]] = {
    "stop": lambda view: not view.state.ended,
    "resume": lambda view: view.state.value in RESUMABLE,
    "retry": lambda view: view.state.value in RESUMABLE,
    "delete": lambda view: view.state.value != "running",
    "queue": lambda view: view.state.value == "queued",
}
BINDINGS = [
    Binding(
        "s", "stop", "Stop", tooltip="Stop the run, or the marked ones; they are saved and can be resumed"
    ),
    Binding(
        "R", "resume", "Resume", tooltip="Go on with the run, or the marked ones, where they were saved last"
    ),
    Binding(
        "t",
        "retry",
        "Retry",
        show=False,
        tooltip="Go on, or where training had ended begin a new run like it",
    ),
    Binding(
        "D", "delete", "Delete", show=False, tooltip="Delete the run, or the marked ones, with all files"
    ),
    Binding("p", "queue", "Place", show=False, tooltip="Move waiting runs in the queue, or hold them back"),
]


class RunActions(Part):
    """The part of a screen that stops, resumes, retries, deletes and queues runs."""

    @dataclass
    class Refused(Message):
        """The core could not do what was asked."""

        title: str
        sentence: str

    def fitting(self, action: str) -> list[RunView]:
        """The runs that an action is for, oldest first: the chosen ones that are in the right state."""
        return sorted(filter(FITS[action], self.table.chosen), key=lambda view: view.run.run_id)

    def read_now(self) -> None:
        """Look at the files at once."""

    def action_reload(self) -> None:
        """Read the experiments again."""

    @work(group="ask")
    async def action_stop(self) -> None:
        """Stop runs, if that is really meant."""
        views = self.fitting("stop")
        if views and await self._confirmed("Stop", stop_question(views), f"Stop {_runs(views)}"):
            self.notify(
                "Saved first, and can be resumed; this can take a moment.", title=f"Stopping {_named(views)}"
            )
            self._do_each("stopped", views, self.b4r.stop)

    def action_resume(self) -> None:
        """Take up runs."""
        self._do_each("resumed", self.fitting("resume"), self.b4r.resume)

    def action_retry(self) -> None:
        """Give runs another try."""
        self._do_each("retried", self.fitting("retry"), self._retry)

    @work(group="ask")
    async def action_delete(self) -> None:
        """Delete runs, if that is really meant."""
        views = self.fitting("delete")
        kept = len(self.table.chosen) - len(views)
        if views and await self._confirmed("Delete", delete_question(views, kept), f"Delete {_runs(views)}"):
            self._do_each("deleted", views, _delete)

    @work(group="ask")
    async def action_queue(self) -> None:
        """Ask for another place in the queue."""
        from b4r_tui.app.screens.dialogs.choose import Choose

        views = self.fitting("queue")
        if not views:
            return
        answers = [*PLACES, PRIORITY]
        chosen = await self.app.push_screen_wait(Choose(f"Place of {_named(views)}", answers, answers[0]))
        if chosen is None:
            return
        if chosen != PRIORITY:
            self._do_all("moved", views, PLACES[chosen])
            return
        from b4r_tui.app.screens.dialogs.ask_number import AskNumber

        question = f"Priority of {_named(views)}; higher goes first, 0 is usual"
        priority = await self.app.push_screen_wait(AskNumber("Priority", question))
        if priority is not None:
            self._do_all("moved", views, partial(prioritised, priority=priority))

    async def _confirmed(self, title: str, question: str, yes: str) -> bool:
        screen: Screen[bool] = Confirm(title, question, yes)
        return await self.app.push_screen_wait(screen)

    def _retry(self, run: Run) -> None:
        from b4r_tui.runs.retry import retry
        from b4r_tui.runs.store import RunStore

        retry(RunStore(self.b4r.runs_root), [run])

    @work(thread=True, group="core")
    def _do_each(self, done: str, views: Sequence[RunView], act: Callable[[Run], None]) -> None:
        """Do something with each run; where the core refuses one, the others are still done."""
        answers = [(view, _refusal(act, view.run)) for view in views]
        refused = [(view, sentence) for view, sentence in answers if sentence is not None]
        self._tell(done, [view for view, sentence in answers if sentence is None], refused)

    @work(thread=True, group="core")
    def _do_all(self, done: str, views: Sequence[RunView], act: Callable[..., None]) -> None:
        """Do something with all runs together."""
        from b4r_tui.runs.store import RunStore

        try:
            act(RunStore(self.b4r.runs_root), [view.run for view in views])
        except B4RError as error:
            self._tell(done, [], [(view, error.sentence) for view in views[:1]])
            return
        self._tell(done, views, [])

    def _tell(self, done: str, views: Sequence[RunView], refused: Sequence[tuple[RunView, str]]) -> None:
        """Say what was done and what was not; called in a thread."""
        if views and done != "stopped":  # that takes a while, and was told before
            title = f"{done.capitalize()} {_named(views)}"
            self.app.call_from_thread(self.notify, "", title=title, timeout=3)
        if refused:
            title = f"{_named([view for view, _ in refused])}: not {done}"
            self.post_message(self.Refused(title, "\n".join(sentence for _, sentence in refused[:NAMED])))
        self.read_now()

    def on_run_actions_refused(self, message: Refused) -> None:
        """Say what went wrong; the file may be at fault, so read it again."""
        self.b4r.show_error(message.title, message.sentence)
        self.action_reload()


def stop_question(views: Sequence[RunView]) -> str:
    """What is asked before runs are stopped."""
    if len(views) > 1:
        return f"Stop {len(views)} runs?\n{_list(views)}"
    done, epochs = views[0].progress.epochs_done, views[0].progress.epochs
    far = f" It has done {done} of {epochs} epochs." if done and epochs else ""
    return f"Stop {views[0].run.experiment} {views[0].run.run_id}?{far}"


def delete_question(views: Sequence[RunView], kept: int) -> str:
    """What is asked before runs are deleted. kept: chosen ones that are under way and stay."""
    what = f"{len(views)} runs" if len(views) > 1 else f"{views[0].run.experiment} {views[0].run.run_id}"
    stay = f"\n{plural(kept, 'run')} under way {'stays' if kept == 1 else 'stay'}." if kept else ""
    return (
        f"Delete {what} with all files, checkpoints too? There is no way back.\n{_list(views)}{stay}".rstrip()
    )


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
    """Do it; the sentence of the core where it would not."""
    try:
        act(run)
    except B4RError as error:
        return error.sentence
    return None


def _delete(run: Run) -> None:
    from b4r_tui.runs.delete import delete

    delete(run)
