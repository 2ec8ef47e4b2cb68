"""Changes to the experiments and settings of a document, with the questions they need."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from b4r_tui.app.screens.editor.dialogs import Dialogs
from b4r_tui.experiments.editing import tables
from b4r_tui.experiments.editing.analysis import ExperimentView
from b4r_tui.experiments.editing.document import Document
from b4r_tui.experiments.editing.layout import parse_toml
from b4r_tui.experiments.editing.values import to_input, with_axis, with_setting
from b4r_tui.experiments.settings import Setting
from b4r_tui.experiments.sweep.names import SEEDS
from engine.contract.errors import B4RError

GENERATED_DATA = {"data.dataset_name": "synthetic"}


class ExperimentActions:
    """Adds, extends, duplicates, renames and deletes experiments; sets, unsets and sweeps their settings."""

    def __init__(
        self,
        document: Document,
        dialogs: Dialogs,
        on_change: Callable[[], None],
        show: Callable[[str | None, str], Awaitable[None]],
    ) -> None:
        """on_change: called after every change of the document. show: moves to a row, by key, of an experiment."""
        self._document, self._dialogs, self._on_change, self._show = document, dialogs, on_change, show

    async def add(self, shown: str | None) -> None:
        """Add an experiment below the shown one, with a data set if [defaults] names none."""
        settings = {} if self._has_default_data() else GENERATED_DATA
        name = await self._ask_name("New", "Name of the new experiment", "new")
        if name:
            await self._change(lambda text: tables.add_experiment(text, name, settings, shown), name)

    async def extend(self, parent: str) -> None:
        """Add an experiment that inherits the settings of another."""
        about = f"Name of the experiment that extends {parent}"
        name = await self._ask_name("Extend", about, f"{parent}-more")
        if name:
            extends = {"extends": parent}
            await self._change(lambda text: tables.add_experiment(text, name, extends, parent), name)

    async def duplicate(self, original: str) -> None:
        """Add a copy of an experiment."""
        name = await self._ask_name("Duplicate", f"Name of the copy of {original}", f"{original}-copy")
        if name:
            await self._change(lambda text: tables.duplicate(text, original, name), name)

    async def rename(self, old: str) -> None:
        """Rename an experiment."""
        about = f"New name for {old}; experiments that extend it are updated"
        name = await self._ask_name("Rename", about, old, current=old)
        if name:
            await self._change(lambda text: tables.rename(text, old, name), name)

    async def delete(self, name: str, file_name: str) -> None:
        """Delete an experiment after confirmation, and show the next one."""
        try:
            children = tables.children_of(self._document.text, name)
            following = _neighbour(tables.names_in(self._document.text), name)
        except B4RError as error:
            self._dialogs.refuse(error.sentence)
            return
        more = f" These extend it and need another parent: {', '.join(children)}." if children else ""
        question = f"Delete {name} from {file_name}?{more} Its runs are kept."
        if await self._dialogs.ask_choice("Delete", question, {"k": "Keep", "d": "Delete"}) == "d":
            await self._change(lambda text: tables.delete(text, name), following)

    def set_value(self, name: str | None, setting: Setting, entered: str) -> None:
        """Set a setting, or the values of a swept one, as entered in the form; empty input unsets it.

        name: the experiment, None for [defaults]. Consecutive changes of one setting are undone as one.
        """
        if setting.kind == "axis" and name is not None:
            experiment = name
            self._edit(lambda text: with_axis(text, experiment, setting.label, entered), (name, setting.key))
        else:
            self._edit(lambda text: with_setting(text, name, setting, entered), (name, setting.key))

    async def sweep(self, view: ExperimentView, setting: Setting) -> None:
        """Start a sweep of a setting with its current value as the first."""
        name = view.name
        if name is None:
            self._dialogs.warn("[defaults] cannot have a sweep; select an experiment.")
            return
        axis = SEEDS if setting.key == "training.seed" else setting.key
        if axis not in view.axes:
            value = to_input(view.settings[setting.key].value)
            first = value if setting.kind not in ("list", "table") else f"[[{value}]]"
            if not first or not self._edit(lambda text: with_axis(text, name, axis, first)):
                self._dialogs.warn(f"{setting.key} has no value to start from; set it first.")
                return
        await self._show(name, f"sweep.{axis}")

    def _edit(self, make: Callable[[str], str], mark: object = None) -> bool:
        """Change the text; return False and show the error if that is not possible."""
        try:
            text = make(self._document.text)
        except B4RError as error:
            self._dialogs.refuse(error.sentence)
            return False
        if self._document.change(text, mark):
            self._on_change()
        return True

    async def _change(self, make: Callable[[str], str], shown: str | None) -> None:
        if self._edit(make):
            await self._show(shown, "description")

    async def _ask_name(
        self, title: str, about: str, suggestion: str, current: str | None = None
    ) -> str | None:
        """Ask for an unused name, or the current one. Nothing is asked while the text is not valid TOML."""
        try:
            taken = [name for name in tables.names_in(self._document.text) if name != current]
        except B4RError as error:
            self._dialogs.refuse(error.sentence)
            return None
        name = tables.free_name(suggestion, taken)
        return await self._dialogs.ask_name(
            title, about, name, lambda entered: tables.name_problem(entered, taken)
        )

    def _has_default_data(self) -> bool:
        try:
            defaults = parse_toml(self._document.text).get("defaults")
        except B4RError:
            return False
        data = defaults.get("data") if isinstance(defaults, dict) else None
        return isinstance(data, dict) and bool(data.get("dataset_name") or data.get("dataset_path"))


def _neighbour(names: list[str], name: str) -> str | None:
    """Return the name after this one, else the one before, else None."""
    place = names.index(name) if name in names else 0
    others = [each for each in names if each != name]
    return others[min(place, len(others) - 1)] if others else None
