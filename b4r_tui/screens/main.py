"""The main screen: experiments on the left, their runs on the right, one run closer below."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, cast

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.screen import Screen
from textual.widgets import ContentSwitcher, DataTable, Footer, OptionList
from textual.worker import get_current_worker

from b4r_tui.feed import Feed, RunView, Snapshot
from b4r_tui.jobs import Cancelled, Job
from b4r_tui.screens.confirm import Confirm
from b4r_tui.widgets.experiment_list import ExperimentList
from b4r_tui.widgets.problem_list import ProblemList
from b4r_tui.widgets.run_detail import TABS, RunDetail
from b4r_tui.widgets.run_table import RunTable
from b4r_tui.widgets.title_bar import NARROW, TitleBar
from engine.errors import B4RError

if TYPE_CHECKING:
    from b4r_tui.after import Action
    from b4r_tui.app import B4RApp
    from b4r_tui.runs.store import Run
    from engine.config import Experiment

NO_RUNS = "No runs yet. Press l to launch {name}."
NO_RUNS_AT_ALL = "No runs yet. Highlight an experiment and press l to launch it."
TABS_HELP = ", ".join(TABS).capitalize()
BROKEN = "No runs yet. Mend the file first."
RESUMABLE = ("stopped", "failed", "lost")  # states; told by name, since the first paint does not load runs


class MainScreen(Screen[None]):
    """Arranges the widgets, feeds them snapshots, and turns keys into calls of the core."""

    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (NARROW, "-normal"), (150, "-wide")]  # noqa: RUF012 (not a ClassVar there)
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("l", "launch", "Launch", tooltip="Launch the highlighted experiment"),
        Binding("s", "stop", "Stop", tooltip="Stop the selected run; it is saved and can be resumed"),
        Binding("R", "resume", "Resume", tooltip="Go on with the selected run where it was saved last"),
        Binding(
            "m", "after", "Measure", tooltip="Measure, recommend with or export the selected finished run"
        ),
        Binding("e", "edit", "Edit", tooltip="Edit the highlighted experiment as a form and as text"),
        Binding(
            "E,ctrl+e", "edit_outside", "$EDITOR", show=False, tooltip="Open the file in $VISUAL or $EDITOR"
        ),
        Binding(
            "c", "compare", "Compare", tooltip="Compare runs: settings, metrics, users won and lost, curves"
        ),
        Binding("L", "app.leaderboard", "Board", tooltip="Leaderboard of all runs that were tested"),
        Binding(
            "greater_than_sign", "app.resize('left', 4)", "Wider", show=False, tooltip="Experiments wider"
        ),
        Binding(
            "less_than_sign", "app.resize('left', -4)", "Narrower", show=False, tooltip="Experiments narrower"
        ),
        Binding(
            "right_curly_bracket",
            "app.resize('runs', 2)",
            "Higher",
            show=False,
            tooltip="Table of runs higher",
        ),
        Binding(
            "left_curly_bracket", "app.resize('runs', -2)", "Lower", show=False, tooltip="Table of runs lower"
        ),
        Binding("r", "reload", "Reload", tooltip="Read the experiments file again"),
        Binding("a", "toggle_all", "All runs", tooltip="Show the runs of all experiments, or of one"),
        *(
            Binding(
                str(number),
                f"open_tab('{name}')",
                name.capitalize(),
                show=False,
                tooltip=TABS_HELP,
            )
            for number, name in enumerate(TABS, 1)
        ),
    ]

    @dataclass
    class Fed(Message):
        """There is something new to show."""

        snapshot: Snapshot

    @dataclass
    class Refused(Message):
        """The core could not do what was asked."""

        title: str
        sentence: str

    @dataclass
    class Launched(Message):
        """A run was started."""

        run: Run

    @dataclass
    class Worked(Message):
        """An action on a run has come further."""

        job: Job

    @dataclass
    class Done(Message):
        """An action on a run has ended; error: a sentence where it failed."""

        job: Job
        error: str | None = None

    def __init__(self, file_name: str, feed: Feed, now: Callable[[], float], period: float) -> None:
        super().__init__()
        self._file_name = file_name
        self._feed, self._now, self._period = feed, now, period
        self._snapshot: Snapshot | None = None
        self._all_runs = False
        self._awaited: str | None = None  # a run just launched, to be selected when it appears
        self._allowed: tuple[bool | None, ...] = ()
        self._jobs: dict[str, Job] = {}  # what is done with finished runs now, by the run's key
        self._wake = threading.Event()
        self._reload = threading.Event()
        self._shown = threading.Event()  # the last snapshot is on screen; the next may come
        self._shown.set()

    @property
    def b4r(self) -> B4RApp:
        """The app, which calls the core for all screens."""
        return cast("B4RApp", self.app)

    def compose(self) -> ComposeResult:
        """Title, experiments, runs, detail, keys."""
        yield TitleBar(self._file_name)
        with Horizontal(id="desk"):
            with Vertical(id="left") as left, ContentSwitcher(initial="experiments"):
                left.border_title = "Experiments"
                yield ExperimentList()
                yield ProblemList()
            with Vertical(id="right"):
                yield RunTable()
                yield RunDetail()
        yield Footer()

    def on_mount(self) -> None:
        """Start to read."""
        self.query_one(RunTable).border_title = "Runs"
        self.query_one(RunDetail).border_title = "Run"
        self.query_one(ExperimentList).focus()
        self.app.theme_changed_signal.subscribe(self, self._redraw)
        self.call_after_refresh(self._read)

    # what is read ------------------------------------------------------------------------------

    @work(thread=True, group="feed", exclusive=True)
    def _read(self) -> None:
        """Poll until the app ends; a snapshot is posted only when the one before it is on screen."""
        worker = get_current_worker()
        while not worker.is_cancelled:
            if self._shown.is_set():
                reload = self._reload.is_set()
                self._reload.clear()
                snapshot = self._feed.poll(reload)
                if snapshot is not None:
                    self._shown.clear()
                    self.post_message(self.Fed(snapshot))
            self._wake.wait(self._period)
            self._wake.clear()

    async def on_main_screen_fed(self, message: Fed) -> None:
        """Show what was read."""
        self._snapshot = message.snapshot
        await self._show()
        self._shown.set()

    # what is shown -----------------------------------------------------------------------------

    async def _show(self) -> None:
        snapshot = self._snapshot
        if snapshot is None:
            return
        broken = bool(snapshot.problems)
        left = self.query_one("#left")
        left.set_class(broken, "problems")
        left.border_subtitle = None if broken else result_label(snapshot.experiments)
        self.query_one(ContentSwitcher).current = "problems" if broken else "experiments"
        self.query_one(ProblemList).show(snapshot.problems)
        self.query_one(ExperimentList).show(snapshot)
        self.query_one(TitleBar).count(snapshot.runs)
        await self._show_runs()

    async def _show_runs(self) -> None:
        snapshot, table = self._snapshot, self.query_one(RunTable)
        if snapshot is None:
            return
        name = self._experiment()
        views = snapshot.runs if name is None else snapshot.runs_of(name)
        table.border_title = f"Runs of {name}" if name else "Runs of all experiments"
        table.show(views, name is None, self._now(), self._nothing(name))
        if self._awaited and table.select(self._awaited):
            self._awaited = None
        await self._show_detail()

    async def _show_detail(self) -> None:
        view, detail = self.query_one(RunTable).selected, self.query_one(RunDetail)
        detail.show_job(self._jobs.get(view.key) if view else None)
        await detail.show(view, self._now())
        allowed = tuple(self.check_action(name, ()) for name in ("launch", "stop", "resume", "after"))
        if allowed != self._allowed:
            self._allowed = allowed
            self.refresh_bindings()

    def _experiment(self) -> str | None:
        """The experiment whose runs are shown; None for all."""
        if self._all_runs or self._snapshot is None or self._snapshot.problems:
            return None
        return self.query_one(ExperimentList).selected

    def _nothing(self, name: str | None) -> str:
        if self._snapshot and self._snapshot.problems:
            return BROKEN
        return NO_RUNS.format(name=name) if name else NO_RUNS_AT_ALL

    async def _redraw(self, _: object) -> None:
        """Draw everything in the colours of a new theme."""
        self.query_one(TitleBar).redraw()
        self.query_one(ProblemList).redraw()
        self.query_one(ExperimentList).redraw()
        self.query_one(RunTable).redraw()
        await self.query_one(RunDetail).redraw()

    def on_resize(self) -> None:
        """Where the terminal is narrow, entries of experiments are short, and so is the footer: just our keys."""
        footer, narrow = self.query_one(Footer), self.size.width < NARROW
        footer.show_command_palette, footer.compact = not narrow, narrow
        lines = 1 if narrow else 3
        experiments = self.query_one(ExperimentList)
        if experiments.lines != lines:
            experiments.redraw(lines)

    async def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        """Another experiment: show its runs."""
        if isinstance(event.option_list, ExperimentList):
            await self._show_runs()

    async def on_data_table_row_highlighted(self, event: DataTable.RowHighlighted) -> None:
        """Another run: show it closer."""
        if event.data_table.id == "run-rows":
            await self._show_detail()

    def on_option_list_option_selected(self) -> None:
        """Enter on an experiment edits it."""
        self.action_edit()

    # what keys do ------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Keys that would do nothing are dimmed."""
        if action == "stop":
            view = self.query_one(RunTable).selected if self._snapshot else None
            return True if view and not view.state.ended else None
        if action == "resume":
            view = self.query_one(RunTable).selected if self._snapshot else None
            return True if view and view.state.value in RESUMABLE else None
        if action == "after":
            view = self.query_one(RunTable).selected if self._snapshot else None
            return True if view and view.state.value == "finished" and view.key not in self._jobs else None
        if action == "launch":
            return True if self._snapshot and not self._snapshot.problems and self._chosen() else None
        return True

    @work(group="ask")
    async def action_launch(self) -> None:
        """Start the highlighted experiment; ask first where it is already running."""
        name = self._chosen()
        if name is None or self._snapshot is None:
            return
        active = [view for view in self._snapshot.runs_of(name) if not view.state.ended]
        if active:
            state = active[0].state.value
            question = f"{name} is already {state} ({active[0].run.run_id}). Launch it once more?"
            if not await self.app.push_screen_wait(Confirm("Launch", question, "Launch")):
                return
        self._launch(name)

    @work(group="ask")
    async def action_stop(self) -> None:
        """Stop the selected run, if that is really meant."""
        view = self.query_one(RunTable).selected
        if view is None or view.state.ended:
            return
        if await self.app.push_screen_wait(Confirm("Stop", stop_question(view), "Stop run")):
            self.notify(
                "It is saved first, and can be resumed; this can take a moment.",
                title=f"Stopping {view.run.run_id}",
            )
            self._stop(view.run)

    def action_resume(self) -> None:
        """Take up the selected run."""
        view = self.query_one(RunTable).selected
        if view is not None:
            self._resume(view.run)

    @work(group="ask")
    async def action_after(self) -> None:
        """Ask what to do with the selected finished run, and do it."""
        from b4r_tui.screens.after_training import AfterTraining

        view = self.query_one(RunTable).selected
        if view is None:
            return
        chosen = await self.app.push_screen_wait(AfterTraining(f"{view.run.experiment} {view.run.run_id}"))
        if chosen is None or view.key in self._jobs:
            return
        action, arguments = chosen
        self._jobs[view.key] = Job(view.key, action.name, action.title)
        self.action_open_tab("after")
        await self._show_detail()
        self._work_on(view.run, action, arguments)

    def action_compare(self) -> None:
        """Compare runs, those that are marked or chosen from a list."""
        view = self.query_one(RunTable).selected
        self.b4r.compare(self._snapshot.runs if self._snapshot else (), [view] if view else [])

    async def open_run(self, view: RunView) -> None:
        """Bring a run to the cursor, whatever is shown now."""
        experiments = self.query_one(ExperimentList)
        known = [option.id for option in experiments.options]
        self._awaited = view.key
        self._all_runs = view.run.experiment not in known
        if not self._all_runs:
            experiments.highlighted = known.index(view.run.experiment)
        await self._show_runs()
        self.query_one(RunTable).table.focus()

    def views(self) -> Sequence[RunView]:
        """All runs as they were seen last, newest first."""
        return self._snapshot.runs if self._snapshot else ()

    def action_edit(self) -> None:
        """Edit the highlighted experiment, and read the file again afterwards."""
        from b4r_tui.screens.editor_screen import EditorScreen

        self.app.push_screen(
            EditorScreen(self.b4r.file, self._chosen() or ""), lambda _: self.action_reload()
        )

    def action_edit_outside(self) -> None:
        """Open the file in the person's editor, and read it again afterwards."""
        self.b4r.edit_file()
        self.action_reload()

    def action_reload(self) -> None:
        """Read the file again now."""
        self._reload.set()
        self._wake.set()

    async def action_toggle_all(self) -> None:
        """All runs, or those of the highlighted experiment."""
        self._all_runs = not self._all_runs
        await self._show_runs()

    def action_open_tab(self, name: str) -> None:
        """Bring a tab of the detail to the top."""
        self.query_one(RunDetail).open_tab(name)

    def _chosen(self) -> str | None:
        return self.query_one(ExperimentList).selected

    def active_runs(self) -> int:
        """How many runs have not ended."""
        return len(self._snapshot.active()) if self._snapshot else 0

    # what the core does ------------------------------------------------------------------------

    @work(thread=True, group="core")
    def _launch(self, name: str) -> None:
        """Launch from the file as it is on disk now."""
        try:
            runs = self.b4r.launch(name)
        except B4RError as error:
            self.post_message(self.Refused(f"{name} was not launched", error.sentence))
            return
        self.post_message(self.Launched(runs[0]))

    @work(thread=True, group="core")
    def _stop(self, run: Run) -> None:
        try:
            self.b4r.stop(run)
        except B4RError as error:
            self.post_message(self.Refused(f"{run.run_id} was not stopped", error.sentence))

    @work(thread=True, group="core")
    def _resume(self, run: Run) -> None:
        try:
            self.b4r.resume(run)
        except B4RError as error:
            self.post_message(self.Refused(f"{run.run_id} was not resumed", error.sentence))
            return
        self.app.call_from_thread(self.notify, run.run_id, title=f"Resumed {run.experiment}", timeout=3)
        self._wake.set()

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

    def on_main_screen_worked(self, message: Worked) -> None:
        """Keep how far an action is, and show it where its run is on screen."""
        if message.job.key in self._jobs:
            self._jobs[message.job.key] = message.job
            view = self.query_one(RunTable).selected
            if view and view.key == message.job.key:
                self.query_one(RunDetail).show_job(message.job)

    async def on_main_screen_done(self, message: Done) -> None:
        """Show the result, or what went wrong."""
        job = message.job
        self._jobs.pop(job.key, None)
        await self._show_detail()
        self.query_one(RunDetail).read_results_again()
        if message.error:
            self.b4r.show_error(f"{job.title}: it did not work", message.error)
        else:
            self.notify("The result is on the tab After.", title=job.title, timeout=4)

    def on_main_screen_launched(self, message: Launched) -> None:
        """Say so, and move the cursor to the new run when it is read."""
        self._awaited = str(message.run.dir)
        self.notify(message.run.run_id, title=f"Launched {message.run.experiment}", timeout=3)
        self._wake.set()

    def on_main_screen_refused(self, message: Refused) -> None:
        """Say what went wrong; the file may be at fault, so read it again."""
        self.b4r.show_error(message.title, message.sentence)
        self.action_reload()


def result_label(experiments: Sequence[Experiment]) -> str:
    """What the numbers beside the experiments are, with the protocol where it is the same for all."""
    protocols = {experiment.evaluation.protocols[0] for experiment in experiments}
    return f"test NDCG@10, {protocols.pop() if len(protocols) == 1 else 'first protocol'}"


def stop_question(view: RunView) -> str:
    """What is asked before a run is stopped."""
    done, epochs = view.progress.epochs_done, view.progress.epochs
    far = f" It has done {done} of {epochs} epochs." if done and epochs else ""
    return f"Stop {view.run.experiment} {view.run.run_id}?{far}"
