"""The experiments editor: a form of one experiment beside the text of the whole file, both on one document."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from rich.table import Table
from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.screen import Screen
from textual.timer import Timer
from textual.widgets import Static, TextArea
from textual.worker import get_current_worker

from b4r_tui.app.lifecycle import while_mounted
from b4r_tui.app.screens.dialogs.ask_name import AskName, AskOne
from b4r_tui.app.services import Services, services_of
from b4r_tui.app.widgets.form.form import ExperimentForm
from b4r_tui.app.widgets.form.row import SettingRow
from b4r_tui.app.widgets.form.strip import ExperimentStrip
from b4r_tui.app.widgets.form.toml_text import TomlText
from b4r_tui.app.widgets.key_line import KeyLine
from b4r_tui.app.widgets.palette import palette_of
from b4r_tui.experiments.editing import tables
from b4r_tui.experiments.editing.analysis import Verdict, View, judge, view_of
from b4r_tui.experiments.editing.disk import OnDisk, read_disk, stamp_of, write_disk
from b4r_tui.experiments.editing.document import Document
from b4r_tui.experiments.editing.layout import parsed
from b4r_tui.experiments.editing.merge import merge
from b4r_tui.experiments.editing.values import owner_path, typed, with_axis, with_setting
from b4r_tui.experiments.sweep.names import SEEDS
from engine.contract.errors import B4RError

if TYPE_CHECKING:
    from b4r_tui.experiments.sweep_points import Sweep

BOTH = 110  # columns from which form and text stand side by side
SETTLE = 0.06  # seconds without a change before a text is read
JUDGE = 0.15  # seconds more before it is checked
LOOK = 1.0  # seconds between two looks whether another program changed the file
SHOWN_PROBLEMS = 6


class EditorScreen(Screen[None]):
    """Keeps the document, and tells form and text what it says."""

    CSS_PATH = "editor.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s", "save", "Save", priority=True, tooltip="Write the file"),
        Binding("ctrl+z", "undo", "Undo", priority=True, show=False, tooltip="Take the last change back"),
        Binding("ctrl+y", "redo", "Redo", priority=True, show=False, tooltip="Make it again"),
        Binding("n", "new", "New", tooltip="A new experiment"),
        Binding("x", "extend", "Extend", show=False, tooltip="A new experiment that takes over what this one sets"),
        Binding("d", "duplicate", "Duplicate", show=False, tooltip="A copy of this experiment, comments too"),
        Binding("R", "rename", "Rename", show=False, tooltip="Give this experiment another name"),
        Binding("D,delete", "delete", "Delete", show=False, tooltip="Take this experiment out of the file"),
        Binding("slash", "filter", "Filter", key_display="/", tooltip="Show only settings with these words"),
        Binding("left_square_bracket", "step(-1)", "Previous", key_display="[", show=False,
                tooltip="The experiment before, or [defaults]"),
        Binding("right_square_bracket", "step(1)", "Next", key_display="]", show=False,
                tooltip="The next experiment"),
        Binding(
            "ctrl+t,tab,shift+tab", "other_pane", "Text", key_display="tab", tooltip="Form or text"
        ),
        Binding("f8", "next_problem", "Next problem", show=False, tooltip="Go to the next line that is wrong"),
        Binding("E", "external", "$EDITOR", show=False, tooltip="Open the file in $VISUAL or $EDITOR"),
        Binding("escape,q", "leave", "Back", key_display="esc", tooltip="Back to the runs"),
    ]  # fmt: skip

    @dataclass
    class Loaded(Message):
        """The file was read for the first time."""

        disk: OnDisk

    @dataclass
    class Viewed(Message):
        """A text was read; view is None where it is not valid TOML."""

        version: int
        view: View | None

    @dataclass
    class Judged(Message):
        """A text was checked."""

        version: int
        verdict: Verdict

    @dataclass
    class Saved(Message):
        """The file was written."""

        disk: OnDisk

    @dataclass
    class Changed(Message):
        """Another program changed the file."""

        disk: OnDisk

    @dataclass
    class Failed(Message):
        """The file could not be read or written."""

        title: str
        sentence: str

    def __init__(self, path: Path, name: str | None, look: float = LOOK) -> None:
        """path: the experiments file. name: the experiment to show first. look: seconds between looks at the file."""
        super().__init__()
        self._path, self._name, self._look_period = path, name, look
        self._document = Document("", "")
        self._disk: OnDisk | None = None
        self._view: View | None = None
        self._verdict = Verdict()
        self._settling: Timer | None = None
        self._asking = self._reading = False
        self._after_save: Callable[[], None] | None = None
        self._text_first = False  # which pane is shown where there is room for one

    @property
    def b4r(self) -> Services:
        """The app."""
        return services_of(self)

    @property
    def ready(self) -> bool:
        """Whether the file was read, so that there is something to act on."""
        return self._view is not None

    @property
    def changed(self) -> bool:
        """Whether there is something to save."""
        return self._document.changed

    def compose(self) -> ComposeResult:
        """State, form, text, keys."""
        yield Static(id="state")
        with Horizontal(id="desk"):
            yield ExperimentForm()
            with Vertical(id="text"):
                yield TomlText()
                yield Static(id="problems-of-text")
        yield KeyLine()

    def on_mount(self) -> None:
        """Read the file."""
        self.query_one("#form").border_title = "Experiment"
        self.query_one("#text").border_title = self._path.name
        self.query_one("#problems-of-text").display = False
        self.app.theme_changed_signal.subscribe(self, self._redraw)
        self._show_state()
        self._load()

    # the file ----------------------------------------------------------------------------------

    @work(thread=True, group="disk")
    def _load(self) -> None:
        try:
            self.post_message(self.Loaded(read_disk(self._path)))
        except B4RError as error:
            self.post_message(self.Failed("The file cannot be edited", error.sentence))

    def on_editor_screen_loaded(self, message: Loaded) -> None:
        """Show the text, and from now on look whether it changes on disk."""
        self._disk = message.disk
        self._document = Document(message.disk.text, message.disk.text)
        self.query_one(TomlText).load_text(message.disk.text)
        self._read_text()
        self.set_interval(self._look_period, while_mounted(self, self._look))

    def _look(self) -> None:
        """See whether another program changed the file; a stat, no more."""
        if self._disk is None or self._asking or self._reading or stamp_of(self._path) == self._disk.stamp:
            return
        self._reading = True
        self._read_again()

    @work(thread=True, group="disk")
    def _read_again(self) -> None:
        try:
            self.post_message(self.Changed(read_disk(self._path)))
        except B4RError:
            self._reading = False  # in the middle of being written, or gone for good; looked at again

    async def on_editor_screen_changed(self, message: Changed) -> None:
        """Take what another program wrote, merge it with changes here, or ask."""
        self._reading = False
        base, theirs, document = self._document.saved, message.disk.text, self._document
        self._disk = message.disk
        if theirs == base:
            self._go_on_after_save_check()
            return
        merged = merge(base, document.text, theirs)
        if merged.text is None:
            self._ask_whose(theirs, merged.clashes)
            return
        was_changed, document.saved = document.changed, theirs
        document.change(merged.text)
        self._text_changed()
        said = "merged with your changes" if was_changed else "read again"
        self.notify(f"Another program changed {self._path.name}; {said}.", timeout=4)
        self._go_on_after_save_check()

    @work(group="ask")
    async def _ask_whose(self, theirs: str, clashes: tuple[str, ...]) -> None:
        self._asking = True
        what = f" Both changed {', '.join(clashes[:4])}." if clashes else " Both changed the same lines."
        question = f"Another program changed {self._path.name} while you did.{what} Whose is to stay?"
        answer = await self.app.push_screen_wait(
            AskOne("Changed twice", question, {"k": "Keep mine", "t": "Take theirs"})
        )
        self._asking = False
        self._document.saved = theirs
        if answer == "t":
            self._document.change(theirs)
            self._after_save = None
        self._text_changed()
        self._go_on_after_save_check()

    def action_save(self) -> None:
        """Write the file, once it is known that nobody else did since."""
        self._save(None)

    def _save(self, then: Callable[[], None] | None) -> None:
        if self._disk is None:
            return
        self._after_save = then or (lambda: None)
        if stamp_of(self._path) != self._disk.stamp:
            self._look()
        else:
            self._write(self._document.text, self._disk.bom)

    def _go_on_after_save_check(self) -> None:
        if self._after_save is not None and self._disk is not None:
            self._write(self._document.text, self._disk.bom)

    @work(thread=True, group="disk")
    def _write(self, text: str, bom: bool) -> None:
        try:
            self.post_message(self.Saved(write_disk(self._path, text, bom)))
        except B4RError as error:
            self.post_message(self.Failed("The file was not saved", error.sentence))

    def on_editor_screen_saved(self, message: Saved) -> None:
        """It is on disk."""
        self._disk, self._document.saved = message.disk, message.disk.text
        self._document.pause()
        self._show_state()
        then, self._after_save = self._after_save, None
        if then:
            then()

    def on_editor_screen_failed(self, message: Failed) -> None:
        """Say what went wrong."""
        self._after_save = None
        self.b4r.show_error(message.title, message.sentence)

    # the document ------------------------------------------------------------------------------

    def _edit(self, make: Callable[[str], str], mark: object = None) -> bool:
        """Change the text by a function of the core; say so where it refuses."""
        try:
            text = make(self._document.text)
        except B4RError as error:
            self.notify(error.sentence, severity="error", timeout=6)
            return False
        if self._document.change(text, mark):
            self._text_changed()
        return True

    def _text_changed(self) -> None:
        """Show a text that was not typed in the text pane."""
        self.query_one(TomlText).take(self._document.text)
        self._show_state()
        self._settle()

    def on_text_area_changed(self, event: TextArea.Changed) -> None:
        """Take what was typed in the text pane; lines are undone one by one."""
        area = event.text_area
        if area.id == "toml" and self._disk is not None and area.text != self._document.text:
            self._document.change(area.text, ("text", area.cursor_location[0], area.document.line_count))
            self._show_state()
            self._settle()

    def _settle(self) -> None:
        if self._settling:
            self._settling.stop()
        self._settling = self.set_timer(SETTLE, while_mounted(self, self._read_text))

    def _read_text(self) -> None:
        self._analyse(self._document.version, self._document.text, self._name)

    @work(thread=True, group="analyse", exclusive=True)
    def _analyse(self, version: int, text: str, name: str | None) -> None:
        """Read a text, then check it; given up as soon as there is a newer one."""
        worker = get_current_worker()
        try:
            view: View | None = view_of(text, name)
        except B4RError:
            view = None
        self.post_message(self.Viewed(version, view))
        for _ in range(3):
            if worker.is_cancelled:
                return
            worker.cancelled_event.wait(JUDGE / 3)
        verdict = judge(self._path, text, view.name if view else name)
        if not worker.is_cancelled:
            self.post_message(self.Judged(version, replace(verdict, outlook=self._outlook(verdict.sweep))))

    def _outlook(self, sweep: Sweep | None) -> str:
        """How many runs a sweep would start, and how long they would take. Called in a thread."""
        from b4r_tui.runs.store import RunStore
        from b4r_tui.sweeps.preview import preview

        try:
            return preview(sweep, RunStore(self.b4r.runs_root)).sentence if sweep else ""
        except B4RError:  # runs that can't be read are told of by the main screen
            return ""

    async def on_editor_screen_viewed(self, message: Viewed) -> None:
        """Show the values in the form, if nothing was changed since."""
        if message.version != self._document.version:
            return
        form, first = self.query_one(ExperimentForm), self._view is None
        form.set_class(message.view is None, "stale")
        if message.view is None:
            form.border_subtitle = "as before the text became invalid"
            if first:
                self._focus_text()
            return
        self._view, self._name = message.view, message.view.name
        form.border_title = "Settings of all experiments" if self._name is None else self._name
        form.border_subtitle = self._heritage(message.view)
        await form.show(message.view, self._verdict)
        if first and self._showing("form"):
            form.focus_row()

    def _heritage(self, view: View) -> str:
        return f"extends {view.extends}" if view.extends else ""

    async def on_editor_screen_judged(self, message: Judged) -> None:
        """Show what is wrong, if nothing was changed since."""
        if message.version != self._document.version:
            return
        self._verdict = message.verdict
        said = {
            problem.line: problem.sentence for problem in reversed(self._verdict.problems) if problem.line
        }
        self.query_one(TomlText).say(said)
        self._show_problems()
        self._show_state()
        if self._view is not None:
            await self.query_one(ExperimentForm).show(self._view, self._verdict)

    # what is shown -----------------------------------------------------------------------------

    def _show_state(self) -> None:
        palette = palette_of(self.app)
        line = Table.grid(expand=True, padding=(0, 2, 0, 0))
        line.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
        line.add_column(justify="right", no_wrap=True)
        name = Text.assemble(("b4r-tui", f"bold {palette.running}"), "  ", (self._path.name, palette.strong))
        name.append("  ● not saved" if self.changed else "", palette.second)
        count = len(self._verdict.problems)
        wrong = "✗ 1 problem" if count == 1 else f"✗ {count} problems"
        runs = self._verdict.runs
        made = "" if not runs else "1 run" if runs == 1 else f"{runs:,} runs"
        right = Text(f"{made}   " if made else "", palette.faint)
        right.append(*((wrong, palette.failed) if count else ("✓ valid", palette.finished)))
        line.add_row(name, right)
        self.query_one("#state", Static).update(line)

    def _show_problems(self) -> None:
        palette, problems = palette_of(self.app), self._verdict.problems
        text = Text()
        for problem in problems[:SHOWN_PROBLEMS]:
            text.append("\n" if text else "")
            text.append(f"line {problem.line}: " if problem.line else "", palette.stopped)
            text.append(f"{problem.key}: " if problem.key else "", "bold")
            text.append(problem.sentence, palette.failed)
        area = self.query_one("#problems-of-text", Static)
        area.display = bool(problems)
        area.update(text)

    async def _redraw(self, _: object) -> None:
        """Draw everything in the colours of a new theme."""
        self.query_one(TomlText).redraw()
        self.query_one(ExperimentStrip).redraw()
        self._show_problems()
        self._show_state()
        for row in self.query(SettingRow):
            row.refresh()
        self.query_one(ExperimentForm).tell()

    def on_resize(self) -> None:
        """Side by side where there is room."""
        self.set_class(self.size.width < BOTH, "-one")
        self._choose_pane()

    def _choose_pane(self) -> None:
        self.query_one("#form").set_class(self._text_first, "hidden")
        self.query_one("#text").set_class(not self._text_first, "hidden")

    def _showing(self, pane: str) -> bool:
        return self.size.width >= BOTH or (pane == "text") is self._text_first

    # what was typed in the form ----------------------------------------------------------------

    def on_setting_row_typed(self, message: SettingRow.Typed) -> None:
        """Put a value into the text."""
        setting, said, name = message.row.setting, message.text, self._name
        if self._view is None or setting.key not in {row.setting.key for row in self.query(SettingRow)}:
            return
        if setting.kind == "axis" and name is not None:
            axis = setting.label
            self._edit(lambda text: with_axis(text, name, axis, said), (name, setting.key))
        else:
            self._edit(lambda text: with_setting(text, name, setting, said), (name, setting.key))

    def on_setting_row_done(self, message: SettingRow.Done) -> None:
        """The next change is a step of its own."""
        self._document.pause()
        self._settle()

    def on_setting_row_reached(self, message: SettingRow.Reached) -> None:
        """Show in the text where the setting is written."""
        area = self.query_one(TomlText)
        if self._view is None or area.has_focus:
            return
        key = message.row.setting.path if message.row.setting.kind != "axis" else ("sweep",)
        line = self._view.lines.get((*owner_path(self._name), *key)) or self._view.lines.get(
            owner_path(self._name)
        )
        if line:
            area.show_line(line)

    async def on_setting_row_asked(self, message: SettingRow.Asked) -> None:
        """Sweep a setting: its value is the first of the list."""
        setting, name = message.row.setting, self._name
        if name is None or self._view is None:
            self.notify("[defaults] has no sweep; choose an experiment.", severity="warning")
            return
        axis = SEEDS if setting.key == "training.seed" else setting.key
        if axis not in self._view.axes:
            value = typed(self._view.settings[setting.key].value)
            first = value if setting.kind not in ("list", "table") else f"[[{value}]]"
            if not first or not self._edit(lambda text: with_axis(text, name, axis, first)):
                self.notify(f"{setting.key} has no value to begin with; set it first.", severity="warning")
                return
        await self._show_now()
        self.query_one(ExperimentForm).focus_row(f"sweep.{axis}")

    async def _show_now(self) -> None:
        """Read the text at once; for what a key just made, and has to be on screen."""
        self._view = view_of(self._document.text, self._name)
        self._name = self._view.name
        await self.on_editor_screen_viewed(self.Viewed(self._document.version, self._view))
        self._settle()

    # experiments -------------------------------------------------------------------------------

    @work(group="ask")
    async def action_new(self) -> None:
        """Make an experiment from nothing."""
        data = self._document_values().get("defaults", {}).get("data", {})
        settings = (
            {} if data.get("dataset_name") or data.get("dataset_path") else {"data.dataset_name": "synthetic"}
        )
        name = await self._ask_name("New", "Name of the new experiment", "new")
        if name:
            await self._make(name, lambda text: tables.add_experiment(text, name, settings, self._name))

    @work(group="ask")
    async def action_extend(self) -> None:
        """Make an experiment that takes over the settings of the shown one."""
        parent = self._name
        if parent is None:
            return
        name = await self._ask_name(
            "Extend", f"Name of the experiment that extends {parent}", f"{parent}-more"
        )
        if name:
            extends = {"extends": parent}
            await self._make(name, lambda text: tables.add_experiment(text, name, extends, parent))

    @work(group="ask")
    async def action_duplicate(self) -> None:
        """Copy the shown experiment."""
        original = self._name
        if original is None:
            return
        name = await self._ask_name("Duplicate", f"Name of the copy of {original}", f"{original}-copy")
        if name:
            await self._make(name, lambda text: tables.duplicate(text, original, name))

    @work(group="ask")
    async def action_rename(self) -> None:
        """Give the shown experiment another name."""
        old = self._name
        if old is None:
            return
        name = await self._ask_name("Rename", f"New name of {old}; experiments that extend it follow", old)
        if name:
            await self._make(name, lambda text: tables.rename(text, old, name))

    @work(group="ask")
    async def action_delete(self) -> None:
        """Take the shown experiment out, if that is really meant."""
        name = self._name
        if name is None:
            return
        try:
            heirs = tables.heirs_of(self._document.text, name)
        except B4RError as error:
            self.notify(error.sentence, severity="error")
            return
        more = f" Another parent will be needed by {', '.join(heirs)}." if heirs else ""
        question = f"Take {name} out of {self._path.name}?{more} Its runs stay."
        answers = {"k": "Keep it", "d": "Delete"}
        if await self.app.push_screen_wait(AskOne("Delete", question, answers)) == "d":
            await self._make(None, lambda text: tables.delete(text, name), self._neighbour(name))

    async def _make(self, name: str | None, make: Callable[[str], str], shown: str | None = None) -> None:
        if self._edit(make):
            self._name = name or shown
            await self._show_now()
            self.query_one(ExperimentForm).focus_row("description")

    async def _ask_name(self, title: str, about: str, name: str) -> str | None:
        """A name that is free. Nothing is asked while the text is no valid TOML."""
        try:
            taken = tables.names_in(self._document.text)
        except B4RError as error:
            self.notify(error.sentence, severity="error")
            return None
        offered = name if title == "Rename" else tables.free_name(name, taken)
        others = [each for each in taken if title != "Rename" or each != name]
        return await self.app.push_screen_wait(
            AskName(title, about, offered, lambda said: tables.name_fault(said, others))
        )

    def _document_values(self) -> dict[str, dict[str, dict[str, object]]]:
        try:
            return parsed(self._document.text)
        except B4RError:
            return {}

    def _neighbour(self, name: str) -> str | None:
        names = list(self._view.names) if self._view else []
        at = names.index(name) if name in names else 0
        left = [each for each in names if each != name]
        return left[min(at, len(left) - 1)] if left else None

    def action_step(self, by: int) -> None:
        """Show the next experiment, or the one before."""
        if self._view is not None:
            names = [None, *self._view.names]
            self.action_show_number((names.index(self._name) + by) % len(names))

    def action_show_number(self, number: int) -> None:
        """Show an experiment by its place in the strip; 0 is [defaults]."""
        if self._view is not None:
            self._name = [None, *self._view.names][number]
            self._document.pause()
            self._read_text()

    # keys --------------------------------------------------------------------------------------

    def action_undo(self) -> None:
        """Take the last change back."""
        if self._document.undo():
            self._text_changed()

    def action_redo(self) -> None:
        """Make the last change again."""
        if self._document.redo():
            self._text_changed()

    def action_filter(self) -> None:
        """Look for settings."""
        if not self._showing("form"):
            self.action_other_pane()
        self.query_one(ExperimentForm).ask_filter()

    def action_other_pane(self) -> None:
        """From the form to the text, or back."""
        if self.query_one(TomlText).has_focus:
            self._text_first = False
            self._choose_pane()
            self.query_one(ExperimentForm).focus_row()
        else:
            self._focus_text()

    def _focus_text(self) -> None:
        self._text_first = True
        self._choose_pane()
        self.query_one(TomlText).focus()

    def action_next_problem(self) -> None:
        """Put the cursor on the next line that is wrong."""
        lines = sorted({problem.line for problem in self._verdict.problems if problem.line})
        if lines:
            area = self.query_one(TomlText)
            here = area.cursor_location[0] + 1
            self._focus_text()
            area.show_line(next((line for line in lines if line > here), lines[0]))

    def action_external(self) -> None:
        """Hand the file to the person's editor; what it saves is read again."""
        if self.changed:
            self.notify("Save first (ctrl+s): the other editor opens the file on disk.", severity="warning")
        else:
            self.b4r.edit_file()
            self._look()

    def action_leave(self) -> None:
        """Back to the runs; from the text, first to the form."""
        if self.query_one(TomlText).has_focus and self._view is not None:
            self.action_other_pane()
        else:
            self.ask_to_leave(lambda: self.dismiss(None))

    @work(group="ask")
    async def ask_to_leave(self, then: Callable[[], object]) -> None:
        """Go on with `then` once changes are saved or given up."""
        if not self.changed:
            then()
            return
        question = f"{self._path.name} has changes that are not saved."
        answers = {"s": "Save", "d": "Discard", "k": "Keep editing"}
        answer = await self.app.push_screen_wait(AskOne("Leave the editor", question, answers))
        if answer == "s":
            self._save(lambda: (then(), None)[1])
        elif answer == "d":
            then()
