"""Compares runs: their settings, their metrics with intervals and paired tests, and their curves in one plot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.message import Message
from textual.widgets import DataTable, Static, TabbedContent, TabPane
from textual.worker import get_current_worker

from b4r_tui.app.screens.compare.load import CompareOptions, Loaded, load
from b4r_tui.app.screens.compare.tables import groups_table, metrics_table, settings_table
from b4r_tui.app.screens.dialogs.choose import Choose
from b4r_tui.app.screens.export_mixin import ExportingScreen
from b4r_tui.app.services import Services, services_of
from b4r_tui.app.widgets.key_line import KeyLine
from b4r_tui.app.widgets.palette import Palette, palette_of
from b4r_tui.app.widgets.report_view import ReportView
from b4r_tui.app.widgets.run.overlay import Overlay
from b4r_tui.app.widgets.run.results_tab import ordered
from b4r_tui.common.format import metric_label, plural, whole
from b4r_tui.results.compare import OTHER_PROTOCOL, Comparison

if TYPE_CHECKING:
    from b4r_tui.runs.store import Run

TABS = ("metrics", "settings", "curves")
NOTE = (
    "* differs from the baseline at p < 0.05: paired randomisation test over users, averaged over runs, "
    "Holm-corrected over the rows."
)


class CompareScreen(ExportingScreen):
    """Compares in a thread; keys change the options of the comparison."""

    DEFAULT_CSS = """
    CompareScreen {
        background: $background;
        #compared { dock: top; height: 1; padding: 0 1; background: $panel; }
        #groups, #details {
            border: round $border-blurred;
            border-title-color: $text-muted;
            border-subtitle-color: $text-muted;
            &:focus-within { border: round $border; border-title-color: $primary; border-title-style: bold; }
        }
        #groups { height: auto; max-height: 45%; }
        #groups-table { height: auto; max-height: 14; }
        #note, #error { height: auto; padding: 0 1; color: $text-muted; }
        #error { color: $error; padding: 1 2; display: none; }
        #details { height: 1fr; }
        Tabs { height: 1; }
        #tabs-list-bar Underline { display: none; }
        Tab.-active { color: $primary; text-style: bold underline; }
        Tabs:focus Tab.-active { color: $block-cursor-foreground; background: $block-cursor-background; }
        TabbedContent, ContentSwitcher { height: 1fr; }
        TabPane { padding: 0; height: 1fr; }
        #metrics-table, #settings-table { height: 1fr; }
        #no-settings { padding: 1 2; color: $text-muted; display: none; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("m", "metric", "Metric", tooltip="Choose the metric to test; or Enter on a metric"),
        Binding("p", "protocol", "Protocol", tooltip="Choose the evaluation protocol"),
        Binding("b", "baseline", "Baseline", tooltip="Set as baseline"),
        Binding("g", "group_seeds", "Seeds", tooltip="Group runs by seed on/off"),
        Binding(
            "x", "export", "Export", tooltip="Export the table as CSV, Markdown, LaTeX, JSON, Parquet or HTML"
        ),
        Binding("c", "others", "Runs", tooltip="Choose the runs to compare"),
        Binding("r", "reload", "Reload", show=False, tooltip="Read the runs again"),
        *(
            Binding(
                str(place),
                f"tab('{name}')",
                name.capitalize(),
                show=False,
                tooltip="Metrics, settings, curves",
            )
            for place, name in enumerate(TABS, 1)
        ),
        Binding("escape,q", "leave", "Back", key_display="esc", tooltip="Back to the previous screen"),
    ]

    @dataclass
    class Ready(Message):
        """The comparison was computed."""

        loaded: Loaded

    def __init__(self, root: Path, runs: Sequence[Run], baseline: str | None = None) -> None:
        """root: the runs root. baseline: the name of a group, None for the group of the oldest run."""
        super().__init__()
        self._root, self._runs = root, oldest_first(runs)
        self._options = CompareOptions(baseline=baseline)
        self._loaded: Loaded | None = None

    @property
    def ready(self) -> bool:
        """Return whether there is something to act on."""
        return self._loaded is not None

    @property
    def b4r(self) -> Services:
        """The app."""
        return services_of(self)

    def compose(self) -> ComposeResult:
        """Yield the headline, the groups, tabs with the details, and the keys."""
        yield Static(id="compared")
        with Vertical(id="groups"):
            yield ReportView("groups-table")
            yield Static(id="error")
            yield Static(id="note")
        with Vertical(id="details"), TabbedContent(initial=TABS[0]):
            with TabPane("Metrics", id="metrics"):
                yield ReportView("metrics-table")
            with TabPane("Settings", id="settings"):
                yield Static("No setting differs.", id="no-settings")
                yield ReportView("settings-table")
            with TabPane("Curves", id="curves"):
                yield Overlay()
        yield KeyLine()

    def on_mount(self) -> None:
        """Start the comparison."""
        self.query_one("#details").border_title = "Details"
        self.app.theme_changed_signal.subscribe(self, self._redraw)
        self.query_one("#groups-table").focus()
        self._compare()

    # computing ---------------------------------------------------------------------------------

    def _compare(self, **changes: object) -> None:
        """Compare with changed options."""
        self._options = replace(self._options, **changes)  # type: ignore[arg-type]  # checked by replace
        self.query_one("#compared", Static).update(Text("Comparing …"))
        self._load(self._options)

    @work(thread=True, group="compare", exclusive=True)
    def _load(self, options: CompareOptions) -> None:
        loaded = load(self._runs, options)
        if not get_current_worker().is_cancelled:
            self.post_message(self.Ready(loaded))

    async def on_compare_screen_ready(self, message: Ready) -> None:
        """Show the comparison."""
        self._loaded = message.loaded
        await self._show(message.loaded)
        self.refresh_bindings()

    # showing -----------------------------------------------------------------------------------

    async def _redraw(self, _: object) -> None:
        if self._loaded is not None:
            await self._show(self._loaded)

    async def _show(self, loaded: Loaded) -> None:
        palette, comparison = palette_of(self.app), loaded.comparison
        self.query_one("#compared", Static).update(headline(loaded, palette))
        self.query_one("#error", Static).update(Text(error_text(loaded)))
        self.query_one("#error").display = comparison is None
        for part in ("#groups-table", "#note", "#metrics-table"):
            self.query_one(part).display = comparison is not None
        if comparison is not None:
            self._show_comparison(comparison, loaded.names)
        else:
            self.query_one("#groups").border_title = "These runs cannot be compared"
        baseline = loaded.names.index(comparison.baseline) if comparison else 0
        settings = settings_table(loaded.settings, loaded.names, baseline, palette)
        self.query_one("#settings-table", ReportView).show(settings)
        self.query_one("#settings-table").display = bool(loaded.settings)
        self.query_one("#no-settings").display = not loaded.settings
        await self.query_one(Overlay).show(loaded.plots, loaded.names)

    def _show_comparison(self, comparison: Comparison, names: Sequence[str]) -> None:
        palette, metrics = palette_of(self.app), ordered(list(comparison.sides[0].scores))
        title = f"{metric_label(comparison.metric)} vs. {comparison.baseline}"
        self.query_one("#groups").border_title = title
        self.query_one("#groups-table", ReportView).show(groups_table(comparison, palette), names)
        self.query_one("#metrics-table", ReportView).show(metrics_table(comparison, palette), metrics)
        self.query_one("#note", Static).update(Text(NOTE))

    # keys --------------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Dim keys that would do nothing."""
        loaded = self._loaded
        if action in ("metric", "export", "baseline"):
            return True if loaded and loaded.comparison else None
        if action == "protocol":
            least = (
                2 if loaded and loaded.comparison else 1
            )  # a shared one helps if the first protocols differ
            return True if loaded and len(loaded.protocols) >= least else None
        if action == "group_seeds":
            return True if loaded and loaded.has_seeds else None
        return True

    @work(group="ask")
    async def action_metric(self) -> None:
        """Choose the metric to test."""
        if self._loaded and self._loaded.comparison:
            current = self._loaded.comparison.metric
            metric = await self.app.push_screen_wait(
                Choose("Metric", ordered(list(self._loaded.metrics)), current)
            )
            if metric:
                self._compare(metric=metric)

    @work(group="ask")
    async def action_protocol(self) -> None:
        """Choose the protocol."""
        if self._loaded and self._loaded.protocols:
            current = self._loaded.comparison.protocol if self._loaded.comparison else ""
            protocol = await self.app.push_screen_wait(Choose("Protocol", self._loaded.protocols, current))
            if protocol:
                self._compare(protocol=protocol)

    def action_baseline(self) -> None:
        """Make the highlighted group the baseline."""
        name = self.query_one("#groups-table", ReportView).chosen
        if name:
            self._compare(baseline=name)

    def action_group_seeds(self) -> None:
        """Group runs that differ only in their seed, or list each run."""
        self._compare(group_seeds=not self._options.group_seeds, baseline=None)

    def on_data_table_row_selected(self, event: DataTable.RowSelected) -> None:
        """Test the metric, or make the group the baseline, that Enter was pressed on."""
        if event.data_table.id == "metrics-table":
            self._compare(metric=str(event.row_key.value))
        elif event.data_table.id == "groups-table":
            self.action_baseline()

    def action_tab(self, name: str) -> None:
        """Show a tab."""
        self.query_one(TabbedContent).active = name

    def action_export(self) -> None:
        """Export the table to a file."""
        from b4r_tui.results.export.write import LeaderboardExport

        if self._loaded is None or self._loaded.comparison is None:
            return
        comparison = self._loaded.comparison
        baseline = next(side for side in comparison.sides if side.name == comparison.baseline)
        options = LeaderboardExport(
            metrics=tuple(dict.fromkeys([comparison.metric, *_common_metrics(comparison.sides[0].scores)])),
            protocol=comparison.protocol,
            only=tuple(run.run_id for run in self._runs),
            baseline=baseline.run_ids[0],
        )
        self.ask_export(self._root, "comparison.html", options)

    def action_others(self) -> None:
        """Choose other runs."""
        from b4r_tui.app.screens.compare.picker import ComparePicker

        views = [view for view in self.b4r.views() if view.progress.test]
        current = {run.dir for run in self._runs}
        chosen = [view for view in views if view.run.dir in current]
        self.app.push_screen(ComparePicker(views, chosen), self._set_runs)

    def _set_runs(self, runs: list[Run] | None) -> None:
        if runs:
            self._runs = oldest_first(runs)
            self._compare(baseline=None)

    def action_reload(self) -> None:
        """Read the runs again."""
        self._compare()

    def action_leave(self) -> None:
        """Return to the previous screen."""
        self.dismiss()


def oldest_first(runs: Sequence[Run]) -> list[Run]:
    """Sort runs by age; the oldest is the default baseline."""
    return sorted(runs, key=lambda run: run.run_id)


def error_text(loaded: Loaded) -> str:
    """Return why the groups cannot be compared, and which protocols they share."""
    if loaded.comparison or not loaded.protocols:
        return loaded.error
    error = loaded.error.removesuffix(OTHER_PROTOCOL)
    return f"{error}\n\nShared protocols: {', '.join(loaded.protocols)}. Press p to choose."


def headline(loaded: Loaded, palette: Palette) -> Text:
    """Return a line with the number of groups and the conditions they were tested under."""
    line = Text.assemble(("Compare", f"bold {palette.running}"), no_wrap=True, overflow="ellipsis")
    runs, groups = sum(len(group.runs) for group in loaded.groups), len(loaded.groups)
    facts = [
        plural(runs, "run")
        if runs == groups
        else f"{plural(groups, 'group')} of {plural(runs, 'run')} by seed"
    ]
    if loaded.comparison:
        shown = loaded.comparison
        sampled = f" (negatives {shown.negatives[:8]})" if shown.negatives else ""
        data = f"{shown.dataset} {shown.fingerprint[:8]}".strip()
        facts += [f"test split, {shown.protocol}{sampled}", f"{whole(shown.users)} users", data]
    return line.append("  " + "  ·  ".join(facts))


def _common_metrics(scores: Mapping[str, object]) -> list[str]:
    return [name for name in ("ndcg@10", "recall@10") if name in scores]
