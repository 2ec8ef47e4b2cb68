"""The main screen: experiments on the left, their runs on the right, the details of one run below."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.widgets import ContentSwitcher, Input, OptionList
from textual.worker import get_current_worker

from b4r_tui.app.lifecycle import while_mounted
from b4r_tui.app.poller import Poller
from b4r_tui.app.screens.dialogs.confirm import Confirm
from b4r_tui.app.screens.main import program_jobs, run_actions
from b4r_tui.app.screens.main.program_jobs import ProgramJobs
from b4r_tui.app.screens.main.run_actions import ALLOWED, RunActions
from b4r_tui.app.snapshot import Snapshot
from b4r_tui.app.widgets.change_tracker import ChangeTracker
from b4r_tui.app.widgets.experiment_list import ExperimentList
from b4r_tui.app.widgets.key_line import KeyLine
from b4r_tui.app.widgets.problem_list import ProblemList
from b4r_tui.app.widgets.run.detail import TABS, RunDetail
from b4r_tui.app.widgets.runs.table import RunTable
from b4r_tui.app.widgets.title_bar import NARROW, TitleBar
from b4r_tui.common.format import metric_label, plural
from engine.contract.errors import B4RError

if TYPE_CHECKING:
    from b4r_tui.app.snapshot import RunView
    from b4r_tui.runs.store import Run
    from engine.contract.config.experiment import Experiment

NO_RUNS = "No runs yet. Press l to launch {name}."
NO_RUNS_AT_ALL = "No runs yet. Highlight an experiment and press l to launch it."
TABS_HELP = ", ".join(TABS).capitalize()
BROKEN = "No runs yet. Fix {file} first (press e)."
ON_HEADING = "Group of {runs}: enter folds it, x selects its runs; s, R, t, D and p act on all of them."
SEARCH_HELP = "Filter runs by words; in a log, search it"


class MainScreen(RunActions, ProgramJobs):
    """Arranges the widgets, updates them from snapshots, and turns keys into calls of the core."""

    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (NARROW, "-normal"), (150, "-wide")]  # noqa: RUF012 (not a ClassVar there)
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("l", "launch", "Launch", tooltip="Launch the highlighted experiment"),
        *run_actions.BINDINGS,
        *program_jobs.BINDINGS,
        Binding("e", "edit", "Edit", tooltip="Edit the highlighted experiment as a form and as text"),
        Binding(
            "E,ctrl+e", "edit_outside", "$EDITOR", show=False, tooltip="Open the file in $VISUAL or $EDITOR"
        ),
        Binding("c", "compare", "Compare", tooltip="Compare runs: settings, metrics, paired tests, curves"),
        Binding("slash", "search", "Filter", key_display="/", tooltip=SEARCH_HELP, priority=True),
        # Before less important keys: a footer of 80 columns ends here.
        Binding("question_mark", "app.help", "Help", key_display="?", tooltip="Show what the keys do"),
        Binding("L", "app.leaderboard", "Board", tooltip="Leaderboard of all tested runs"),
        Binding(
            "greater_than_sign",
            "app.resize('left', 4)",
            "Wider",
            show=False,
            tooltip="Widen experiments pane",
        ),
        Binding(
            "less_than_sign",
            "app.resize('left', -4)",
            "Narrower",
            show=False,
            tooltip="Narrow experiments pane",
        ),
        Binding(
            "right_curly_bracket",
            "app.resize('runs', 2)",
            "Taller",
            show=False,
            tooltip="Grow runs table",
        ),
        Binding(
            "left_curly_bracket", "app.resize('runs', -2)", "Shorter", show=False, tooltip="Shrink runs table"
        ),
        Binding("r", "reload", "Reload", tooltip="Reload the experiments file"),
        Binding("a", "toggle_all", "All runs", tooltip="Show runs of all experiments / of one"),
        Binding("z", "zoom", "Zoom", show=False, tooltip="Maximise / restore the run's details"),
        Binding("M", "metric", "Metric", show=False, tooltip="Choose the metric of table and curves"),
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
    class Polled(Message):
        """The poller has read something new."""

        snapshot: Snapshot

    @dataclass
    class Launched(Message):
        """A run was launched."""

        run: Run

    def __init__(self, file_name: str, poller: Poller, now: Callable[[], float], period: float) -> None:
        super().__init__()
        self._file_name = file_name
        self._poller, self._now, self._period = poller, now, period
        self._snapshot: Snapshot | None = None
        self._all_runs = False
        self._awaited: str | None = None  # key of a run to select when it appears
        self._tracker = ChangeTracker()
        self._allowed: tuple[bool | None, ...] = ()
        self._wake = threading.Event()
        self._reload = threading.Event()
        self._shown = threading.Event()  # the last snapshot is on screen
        self._shown.set()

    def compose(self) -> ComposeResult:
        """Title, experiments, runs, details, keys."""
        yield TitleBar(self._file_name)
        with Horizontal(id="desk"):
            with Vertical(id="left") as left, ContentSwitcher(initial="experiments"):
                left.border_title = "Experiments"
                yield ExperimentList()
                yield ProblemList()
            with Vertical(id="right"):
                yield RunTable()
                yield RunDetail()
        yield KeyLine()

    def on_mount(self) -> None:
        """Start polling."""
        self.table.border_title = "Runs"
        self.detail.border_title = "Run"
        self.query_one(ExperimentList).focus()
        self.app.theme_changed_signal.subscribe(self, self._redraw)
        self.call_after_refresh(while_mounted(self, self._poll))

    # polling -----------------------------------------------------------------------------------

    @work(thread=True, group="poller", exclusive=True)
    def _poll(self) -> None:
        """Poll until the app exits; a snapshot is posted only when the one before it is on screen."""
        worker = get_current_worker()
        while not worker.is_cancelled:
            if self._shown.is_set():
                reload = self._reload.is_set()
                self._reload.clear()
                snapshot = self._poller.poll(reload)
                if snapshot is not None:
                    self._shown.clear()
                    self.post_message(self.Polled(snapshot))
            self._wake.wait(self._period)
            self._wake.clear()

    async def on_main_screen_polled(self, message: Polled) -> None:
        """Show a snapshot."""
        self._snapshot = message.snapshot
        await self._show()
        self._shown.set()

    # showing -----------------------------------------------------------------------------------

    async def _show(self) -> None:
        snapshot = self._snapshot
        if snapshot is None:
            return
        broken = bool(snapshot.problems)
        left = self.query_one("#left")
        left.set_class(broken, "problems")
        label = None if broken else result_label(snapshot.experiments)
        if self._tracker.changed("left", label):
            left.border_subtitle = label
        self.query_one(ContentSwitcher).current = "problems" if broken else "experiments"
        self.query_one(ProblemList).show(snapshot.problems)
        self.query_one(ExperimentList).show(snapshot)
        self.query_one(TitleBar).count(snapshot.runs)
        await self._show_runs()

    async def _show_runs(self) -> None:
        snapshot, table = self._snapshot, self.table
        if snapshot is None:
            return
        name = self._shown_experiment()
        views = snapshot.runs if name is None else snapshot.runs_of(name)
        title = f"Runs of {name}" if name else "Runs of all experiments"
        if self._tracker.changed("runs", title):
            table.border_title = title
        table.show(views, name is None, self._now(), self._nothing(name))
        if self._awaited and table.select(self._awaited):
            self._awaited = None
        await self._show_detail()

    async def _show_detail(self) -> None:
        self.show_job()
        table = self.table
        nothing = ON_HEADING.format(runs=plural(len(table.chosen), "run")) if table.chosen else ""
        await self.detail.show(table.selected, self._now(), table.marked, table.metric, nothing)
        allowed = tuple(self.check_action(name, ()) for name in ("launch", *ALLOWED, "run_program"))
        if allowed != self._allowed:
            self._allowed = allowed
            self.refresh_bindings()

    def _shown_experiment(self) -> str | None:
        """Return the experiment whose runs are shown; None for all."""
        if self._all_runs or self._snapshot is None or self._snapshot.problems:
            return None
        return self.experiment

    def _nothing(self, name: str | None) -> str:
        if self._snapshot and self._snapshot.problems:
            return BROKEN.format(file=self._file_name)
        return NO_RUNS.format(name=name) if name else NO_RUNS_AT_ALL

    async def _redraw(self, _: object) -> None:
        """Draw everything again in the colours of a new theme."""
        self.query_one(TitleBar).redraw()
        self.query_one(ProblemList).redraw()
        self.query_one(ExperimentList).redraw()
        self.table.redraw()
        await self.detail.redraw()

    def on_resize(self) -> None:
        """Shorten the entries of experiments in a narrow terminal."""
        lines = 1 if self.size.width < NARROW else 3
        experiments = self.query_one(ExperimentList)
        if experiments.lines != lines:
            experiments.redraw(lines)

    async def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        """Show the runs of another experiment."""
        if isinstance(event.option_list, ExperimentList):
            await self._show_runs()

    async def on_run_rows_highlighted(self) -> None:
        """Show the details of another run."""
        await self._show_detail()

    async def on_run_table_changed(self) -> None:
        """Show the details after other runs were filtered or selected."""
        await self._show_detail()

    def on_option_list_option_selected(self) -> None:
        """Edit an experiment on enter."""
        self.action_edit()

    # keys --------------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Dim unavailable keys; leave `/` to an input and to the log that have the focus."""
        if action == "search":
            typing = isinstance(self.focused, Input)
            return self._snapshot is not None and not typing and not self.detail.has_log_focus
        if action in ALLOWED:
            return True if self._snapshot and self.allowed(action) else None
        if action == "run_program":
            return True if self._snapshot and self.may_start_job() else None
        if action == "launch":
            return True if self._snapshot and not self._snapshot.problems and self.experiment else None
        return True

    @work(group="ask")
    async def action_launch(self) -> None:
        """Launch the highlighted experiment; ask first if it is already running."""
        name = self.experiment
        if name is None or self._snapshot is None:
            return
        active = [view for view in self._snapshot.runs_of(name) if not view.state.ended]
        if active:
            state = active[0].state.value
            question = f"{name} is already {state} ({active[0].run.run_id}). Launch it again?"
            if not await self.app.push_screen_wait(Confirm("Launch", question, "Launch")):
                return
        self._launch(name)

    def action_compare(self) -> None:
        """Compare the selected runs, or some that are chosen from a list."""
        self.services.choose_comparison(self.table.chosen)

    async def open_run(self, view: RunView) -> None:
        """Move the cursor to a run, whatever is shown now."""
        self._awaited = view.key
        self._all_runs = not self.select_experiment(view.run.experiment)
        await self._show_runs()
        self.query_one(RunTable).table.focus()

    def views(self) -> Sequence[RunView]:
        """All runs of the last snapshot, newest first."""
        return self._snapshot.runs if self._snapshot else ()

    def action_edit(self) -> None:
        """Edit the highlighted experiment."""
        self.services.edit_experiment(self.experiment or "")

    def action_edit_outside(self) -> None:
        """Open the file in the user's own editor, and reload it afterwards."""
        self.services.edit_file()
        self.action_reload()

    def action_reload(self) -> None:
        """Reload the experiments file."""
        self._reload.set()
        self.read_now()

    def read_now(self) -> None:
        """Poll at once."""
        self._wake.set()

    def action_search(self) -> None:
        """Search the log if it is on top and the table of runs does not have the focus; else filter the runs."""
        if not (self.detail.shows_log and not self.table.has_focus_within and self.detail.search_log()):
            self.table.ask_filter()

    @work(group="ask")
    async def action_metric(self) -> None:
        """Choose the metric of table and curves."""
        from b4r_tui.app.screens.dialogs.choose import Choose  # deferred

        measured = self.table.measured
        answers = ["Recall and NDCG", *(f"{metric_label(name)}  {protocol}" for protocol, name in measured)]
        now = 1 + measured.index(self.table.metric) if self.table.metric in measured else 0
        chosen = await self.app.push_screen_wait(Choose("Metric", answers, answers[now]))
        if chosen is not None:
            number = answers.index(chosen)
            self.table.show_metric(measured[number - 1] if number else None)
            await self._show_detail()

    async def action_toggle_all(self) -> None:
        """Show all runs, or those of the highlighted experiment."""
        self._all_runs = not self._all_runs
        await self._show_runs()

    def action_zoom(self) -> None:
        """Maximise the details of the run, or restore their size."""
        if self.maximized is None:
            self.maximize(self.detail, container=False)
            self.detail.enter()
        else:
            self.minimize()

    def action_open_tab(self, name: str) -> None:
        """Open a tab of the run's details."""
        self.detail.open_tab(name)

    @property
    def experiment(self) -> str | None:
        """The highlighted experiment."""
        return self.query_one(ExperimentList).selected

    def experiment_names(self) -> Sequence[str]:
        """The experiments of the file."""
        return [str(option.id) for option in self.query_one(ExperimentList).options]

    def select_experiment(self, name: str | None) -> bool:
        """Highlight an experiment; return whether the file has it."""
        names = self.experiment_names()
        if name not in names:
            return False
        self.query_one(ExperimentList).highlighted = names.index(name)
        return True

    def active_runs(self) -> int:
        """Return how many runs have not ended."""
        return len(self._snapshot.active()) if self._snapshot else 0

    # launching ---------------------------------------------------------------------------------

    @work(thread=True, group="core")
    def _launch(self, name: str) -> None:
        """Launch an experiment of the file as it is on disk."""
        try:
            runs = self.services.launch(name)
        except B4RError as error:
            self.post_message(self.Refused(f"{name} was not launched", error.sentence))
            return
        self.post_message(self.Launched(runs[0]))

    def on_main_screen_launched(self, message: Launched) -> None:
        """Notify the user, and move the cursor to the new run when it appears."""
        # As the poller names it, also below a relative root.
        self._awaited = str(self.services.runs_root / message.run.name)
        self.notify(message.run.run_id, title=f"Launched {message.run.experiment}", timeout=3)
        self._wake.set()


def result_label(experiments: Sequence[Experiment]) -> str:
    """Return what the numbers next to the experiments are, with the protocol if it is the same for all."""
    protocols = {experiment.evaluation.protocols[0] for experiment in experiments}
    return f"test NDCG@10, {protocols.pop() if len(protocols) == 1 else 'first protocol'}"
