"""The tour on first start in an empty folder: four short steps, and an experiments file to start from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Button, Static

from b4r_tui.app.widgets.palette import Palette, palette_of
from b4r_tui.experiments.demo import DEMO, write_demo
from engine.contract.errors import B4RError

KEYS = (
    ("l", "launch the highlighted experiment"),
    ("e", "edit it, as a form and as text"),
    ("2  3  5", "curves, log and results of a run"),
    ("c  L", "compare runs; leaderboard of all runs"),
    ("ctrl+p", "every action by name"),
    ("?", "what the keys do on this screen"),
    ("q", "quit (runs keep training)"),
)


@dataclass(frozen=True)
class Step:
    """A page of the tour."""

    title: str
    text: str


STEPS = (
    Step(
        "Welcome",
        "b4r-tui trains BERT4Rec, a sequential recommender that predicts a user's next item from their history, and "
        "keeps track of what you tried.\n\n"
        "An experiment is a name and its settings. All experiments live in one text file. "
        "Launching one creates a run: a folder with frozen settings, log, metrics and checkpoints. "
        "Comparable runs share a leaderboard.",
    ),
    Step("The keys", "Every action has a key, and can be clicked."),
    Step(
        "Files and folders",
        "Runs train in the background. Close this program or lose the connection: they keep training, and are "
        "shown again when you come back.",
    ),
    Step(
        "Your first experiments file",
        "Two small experiments on generated data, without a download: one process with the full model (ddp), and "
        "two processes that shard its item embeddings (dmp). Each takes about a minute on a laptop.",
    ),
)


class Tour(ModalScreen[bool]):
    """Shows the steps; dismissed with whether the experiments file was created."""

    DEFAULT_CSS = """
    Tour {
        align: center middle;
        #box {
            width: 78; max-width: 98%; height: 22; max-height: 96%;
            border: round $primary; background: $surface; padding: 1 2 0 2;
            border-subtitle-color: $text-muted;
        }
        #page { height: 1fr; }
        #buttons { height: 3; align-horizontal: right; }
        Button { margin-left: 2; min-width: 10; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "dismiss(False)", "Skip", key_display="esc"),
        Binding("right,n,pagedown", "turn(1)", "Next"),
        Binding("left,p,backspace,pageup", "turn(-1)", "Back"),
    ]

    def __init__(self, file: Path, runs: Path) -> None:
        """file: where the experiments file will be. runs: the runs root, to be shown."""
        super().__init__()
        self._file, self._runs, self._step = file, runs, 0

    def compose(self) -> ComposeResult:
        """A page above its buttons."""
        with Vertical(id="box") as box:
            box.border_subtitle = "Enter next · ← back · Esc skip"
            with VerticalScroll(id="page", can_focus=False):
                yield Static(id="text")
            with Horizontal(id="buttons"):
                yield Button("Skip", id="skip")
                yield Button("Back", id="back")
                yield Button("Next", id="next", variant="primary")

    def on_mount(self) -> None:
        """Show the first page."""
        for button in self.query(Button):
            button.active_effect_duration = 0  # a button that looks pressed ignores enter
        self._show()

    def action_turn(self, by: int) -> None:
        """Show another page, if there is one."""
        self._step = min(len(STEPS) - 1, max(0, self._step + by))
        self._show()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Go back, forward, or skip the tour."""
        if event.button.id == "skip":
            self.dismiss(False)
        elif event.button.id == "back":
            self.action_turn(-1)
        elif self._step < len(STEPS) - 1:
            self.action_turn(1)
        else:
            self._create()

    def _create(self) -> None:
        """Write the file: a few hundred bytes, so without a worker."""
        try:
            write_demo(self._file)
        except B4RError as error:
            self.query_one("#text", Static).update(Text(error.sentence, palette_of(self.app).failed))
            return
        self.dismiss(True)

    def _show(self) -> None:
        step, last = STEPS[self._step], self._step == len(STEPS) - 1
        self.query_one("#box").border_title = f"{step.title}  {self._step + 1}/{len(STEPS)}"
        self.query_one("#back", Button).disabled = self._step == 0
        button = self.query_one("#next", Button)
        button.label = f"Create {self._file.name}" if last else "Next"
        button.refresh(layout=True)  # it is as wide as its label
        button.focus()
        self.query_one("#page", VerticalScroll).scroll_home(animate=False)
        self.query_one("#text", Static).update(Group(Text(step.text), "", self._below()))

    def _below(self) -> RenderableType:
        palette = palette_of(self.app)
        pages = {1: keys_table(palette), 2: places_table(self._file, self._runs, palette)}
        return pages.get(self._step) or (demo_excerpt(palette) if self._step == len(STEPS) - 1 else "")


def keys_table(palette: Palette) -> Table:
    """Return the keys of the first minutes."""
    table = Table.grid(padding=(0, 2, 0, 0))
    for keys, does in KEYS:
        table.add_row(Text(keys, f"bold {palette.second}", justify="right"), Text(does))
    return table


def places_table(file: Path, runs: Path, palette: Palette) -> Table:
    """Return where the experiments file and the runs are."""
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    for place, about in ((file, "your experiments, to edit"), (runs, "one folder per run")):
        table.add_row(Text(str(place), f"bold {palette.running}"), Text(about))
    return table


def demo_excerpt(palette: Palette) -> Text:
    """Return the experiments of the file, without [defaults] and comments."""
    lines = [line.partition("#")[0].rstrip() for line in DEMO[DEMO.index("[experiments.") :].splitlines()]
    return Text("\n".join(filter(None, lines)).replace("\n[", "\n\n["), palette.faint)
