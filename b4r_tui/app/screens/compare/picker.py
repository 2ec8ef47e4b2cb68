"""Choosing the runs to compare from a list with checkboxes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.strip import Strip
from textual.widgets import Input, SelectionList, Static
from textual.widgets.selection_list import Selection

from b4r_tui.app.widgets.drawing import fitted
from b4r_tui.app.widgets.palette import palette_of
from b4r_tui.common.format import decimal

if TYPE_CHECKING:
    from b4r_tui.app.snapshot import RunView
    from b4r_tui.runs.store import Run  # noqa: F401  (in the string below)

MAX_SHOWN = 500  # of the runs that match; the filter finds older ones


class Choices(SelectionList[str]):
    """A list whose boxes are empty or checked; the library only changes their colour."""

    def render_line(self, y: int) -> Strip:
        """Return a line with its box."""
        line = super().render_line(y)
        place = self.scroll_offset.y + y
        if place >= self.option_count or self.get_option_at_index(place).value in self.selected:
            return line
        left, inner, *rest = line
        return Strip([left, Segment(" ", inner.style), *rest])


class ComparePicker(ModalScreen["list[Run] | None"]):
    """Returns the selected runs, two or more, or None."""

    DEFAULT_CSS = """
    ComparePicker {
        align: center middle;
        #box {
            width: 88; max-width: 98%; height: auto; max-height: 90%;
            border: round $primary; background: $surface; padding: 1 1 0 1;
            border-subtitle-color: $text-muted;
        }
        Input { border: none; height: 1; padding: 0 1; background: $boost; margin-bottom: 1; }
        Input:focus { border: none; background: $primary 20%; }
        Choices {
            height: auto; max-height: 24; border: none; background: transparent; padding: 0;
            &:focus { border: none; background-tint: transparent 0%; }
        }
        #message { height: 1; color: $text-muted; margin-top: 1; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(None)", "Cancel", key_display="esc"),
        Binding("enter", "compare", "Compare", priority=True),
        Binding("slash", "filter", "Filter", key_display="/"),
        Binding("a", "all", "All or none"),
    ]

    def __init__(self, views: Sequence[RunView], chosen: Sequence[RunView]) -> None:
        """views: the runs to choose from. chosen: those selected at first."""
        super().__init__()
        self._views = {view.key: view for view in views}
        self._chosen = dict.fromkeys(view.key for view in chosen)

    def compose(self) -> ComposeResult:
        """Yield a filter above the list."""
        with Vertical(id="box") as box:
            box.border_title = "Compare"
            box.border_subtitle = "Space select · a all · / filter · Enter compare · Esc cancel"
            yield Input(placeholder="filter by experiment or run", compact=True)
            yield Choices()
            yield Static(id="message")

    def on_mount(self) -> None:
        """Fill the list."""
        self._fill("")
        self.query_one(SelectionList).focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Show only the runs that match."""
        self._fill(event.value)

    def on_selection_list_selection_toggled(self, event: SelectionList.SelectionToggled[str]) -> None:
        """Update the selection, which includes runs that the filter hides."""
        key = event.selection.value
        if key in event.selection_list.selected:
            self._chosen[key] = None
        else:
            self._chosen.pop(key, None)
        self._show_message()

    def action_filter(self) -> None:
        """Move the cursor into the filter."""
        self.query_one(Input).focus()

    def action_all(self) -> None:
        """Select or deselect all shown runs."""
        choices = self.query_one(SelectionList)
        if len(choices.selected) == choices.option_count:
            for key in choices.selected:
                self._chosen.pop(key, None)
            choices.deselect_all()
        else:
            choices.select_all()
            self._chosen |= dict.fromkeys(choices.selected)
        self._show_message()

    def action_compare(self) -> None:
        """Compare the selected runs; from the filter, move to the list instead."""
        if self.query_one(Input).has_focus:
            self.query_one(SelectionList).focus()
        elif len(self._chosen) < 2:
            self._show_message("Select at least two runs with Space.")
        else:
            self.dismiss([view.run for key, view in self._views.items() if key in self._chosen])

    def _fill(self, words: str) -> None:
        wanted = words.casefold().split()
        fit = [view for view in self._views.values() if all(word in _searched(view) for word in wanted)][
            :MAX_SHOWN
        ]
        wide = max((cell_len(view.run.experiment) for view in fit), default=0)
        palette = palette_of(self.app)
        choices = self.query_one(SelectionList)
        choices.clear_options()
        choices.add_options(
            [
                Selection(entry(view, min(wide, 40), palette.faint), view.key, view.key in self._chosen)
                for view in fit
            ]
        )
        choices.highlighted = 0 if fit else None  # so that Space selects the first at once
        self._show_message()

    def _show_message(self, sentence: str = "") -> None:
        self.query_one("#message", Static).update(
            Text(sentence or f"{len(self._chosen)} of {len(self._views)} selected")
        )


def entry(view: RunView, wide: int, faint: str) -> Text:
    """Return the experiment, the run and its NDCG@10 on test."""
    metrics = next(iter(view.progress.test.metrics.items()), ("", {})) if view.progress.test else ("", {})
    value = metrics[1].get("ndcg@10", {}).get("value")
    name = fitted(Text(view.run.experiment, "bold"), wide)
    return Text.assemble(
        name,
        "  ",
        (view.run.run_id, faint),
        "  ",
        decimal(value),
        (f" {metrics[0]}", faint),
        no_wrap=True,
    )


def _searched(view: RunView) -> str:
    return f"{view.run.experiment} {view.run.run_id}".casefold()
