"""Compare: what chosen runs differ in, their metrics with intervals and paired tests, their curves in one plot."""

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

from b4r_tui.app.screens.compare.load import Asked, Loaded, load
from b4r_tui.app.screens.compare.tables import metrics_table, settings_table, sides_table
from b4r_tui.app.screens.dialogs.choose import Choose
from b4r_tui.app.screens.export_mixin import ExportingScreen
from b4r_tui.app.services import Services, services_of
from b4r_tui.app.widgets import numbers
from b4r_tui.app.widgets.key_line import KeyLine
from b4r_tui.app.widgets.palette import Palette, palette_of
from b4r_tui.app.widgets.report_view import ReportView
from b4r_tui.app.widgets.run.overlay import Overlay
from b4r_tui.app.widgets.run.results_tab import ordered
from b4r_tui.common.format import plural, whole
from b4r_tui.results.compare import OTHER_PROTOCOL

if TYPE_CHECKING:
    from b4r_tui.runs.store import Run

TABS = ("metrics", "settings", "curves")
SAID = (
    "* differs from the baseline at p < 0.05: paired randomisation test over users, runs averaged first, "
    "corrected by Holm for the rows."
)


class CompareScreen(ExportingScreen):
    """Reads and reckons in a worker; keys only change what is asked."""

    DEFAULT_CSS = """
    CompareScreen {
        background: $background;
        #compared { dock: top; height: 1; padding: 0 1; background: $panel; }
        #sides, #closer {
            border: round $border-blurred;
            border-title-color: $text-muted;
            border-subtitle-color: $text-muted;
            &:focus-within { border: round $border; border-title-color: $primary; border-title-style: bold; }
        }
        #sides { height: auto; max-height: 45%; }
        #sides-table { height: auto; max-height: 14; }
        #note, #refused { height: auto; padding: 0 1; color: $text-muted; }
        #refused { color: $error; padding: 1 2; display: none; }
        #closer { height: 1fr; }
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
        Binding(
            "m", "metric", "Metric", tooltip="Choose the metric that is tested; enter on a metric does, too"
        ),
        Binding("p", "protocol", "Protocol", tooltip="Choose the protocol of the metrics"),
        Binding("b", "baseline", "Baseline", tooltip="Compare all with the highlighted side"),
        Binding(
            "g", "together", "Seeds", tooltip="Take runs that differ in their seed alone together, or apart"
        ),
        Binding(
            "x", "export", "Export", tooltip="Write the table as csv, markdown, LaTeX, JSON, parquet or HTML"
        ),
        Binding("c", "others", "Runs", tooltip="Choose other runs"),
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
        Binding("escape,q", "leave", "Back", key_display="esc", tooltip="Back to where you came from"),
    ]

    @dataclass
    class Ready(Message):
        """The worker has reckoned."""

        loaded: Loaded

    def __init__(self, root: Path, runs: Sequence[Run], baseline: str | None = None) -> None:
        """root: the runs root. runs: what to compare. baseline: the name of a side, None for that of the oldest run."""
        super().__init__()
        self._root, self._runs = root, oldest_first(runs)
        self._asked = Asked(baseline=baseline)
        self._loaded: Loaded | None = None

    @property
    def ready(self) -> bool:
        """Whether there is something to act on."""
        return self._loaded is not None

    @property
    def b4r(self) -> Services:
        """The app."""
        return services_of(self)

    def compose(self) -> ComposeResult:
        """What is compared, the sides, tabs with the details, keys."""
        yield Static(id="compared")
        with Vertical(id="sides"):
            yield ReportView("sides-table")
            yield Static(id="refused")
            yield Static(id="note")
        with Vertical(id="closer"), TabbedContent(initial=TABS[0]):
            with TabPane("Metrics", id="metrics"):
                yield ReportView("metrics-table")
            with TabPane("Settings", id="settings"):
                yield Static("No setting differs.", id="no-settings")
                yield ReportView("settings-table")
            with TabPane("Curves", id="curves"):
                yield Overlay()
        yield KeyLine()

    def on_mount(self) -> None:
        """Start to read."""
        self.query_one("#closer").border_title = "Details"
        self.app.theme_changed_signal.subscribe(self, self._redraw)
        self.query_one("#sides-table").focus()
        self._ask()

    # what is reckoned --------------------------------------------------------------------------

    def _ask(self, **changes: object) -> None:
        """Reckon again, with something asked otherwise."""
        self._asked = replace(self._asked, **changes)  # type: ignore[arg-type]
        self.query_one("#compared", Static).update(Text("Comparing …"))
        self._load(self._asked)

    @work(thread=True, group="compare", exclusive=True)
    def _load(self, asked: Asked) -> None:
        loaded = load(self._runs, asked)
        if not get_current_worker().is_cancelled:
            self.post_message(self.Ready(loaded))

    async def on_compare_screen_ready(self, message: Ready) -> None:
        """Show it."""
        self._loaded = message.loaded
        await self._show(message.loaded)
        self.refresh_bindings()

    # what is shown -----------------------------------------------------------------------------

    async def _redraw(self, _: object) -> None:
        if self._loaded is not None:
            await self._show(self._loaded)

    async def _show(self, loaded: Loaded) -> None:
        palette, found = palette_of(self.app), loaded.found
        self.query_one("#compared", Static).update(headline(loaded, palette))
        self.query_one("#refused", Static).update(Text(refusal(loaded)))
        self.query_one("#refused").display = found is None
        for part in ("#sides-table", "#note", "#metrics-table"):
            self.query_one(part).display = found is not None
        baseline = loaded.names.index(found.baseline) if found else 0
        if found is not None:
            self.query_one(
                "#sides", Vertical
            ).border_title = f"{numbers.spelled(found.metric)} beside {found.baseline}"
            self.query_one("#sides-table", ReportView).show(sides_table(found, palette), loaded.names)
            metrics = ordered(list(found.sides[0].scores))
            self.query_one("#metrics-table", ReportView).show(metrics_table(found, palette), metrics)
            self.query_one("#note", Static).update(Text(SAID))
        else:
            self.query_one("#sides", Vertical).border_title = "These cannot be compared"
        settings = settings_table(loaded.settings, loaded.names, baseline, palette)
        self.query_one("#settings-table", ReportView).show(settings)
        self.query_one("#settings-table").display = bool(loaded.settings)
        self.query_one("#no-settings").display = not loaded.settings
        await self.query_one(Overlay).show(loaded.plots, loaded.names)

    # what keys do ------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Keys that would do nothing are dimmed."""
        loaded = self._loaded
        if action in ("metric", "export", "baseline"):
            return True if loaded and loaded.found else None
        if action == "protocol":
            least = 2 if loaded and loaded.found else 1  # one is a way out where each run's first is another
            return True if loaded and len(loaded.protocols) >= least else None
        if action == "together":
            return True if loaded and loaded.seeds else None
        return True

    @work(group="ask")
    async def action_metric(self) -> None:
        """Choose the metric to test."""
        if self._loaded and self._loaded.found:
            now = self._loaded.found.metric
            metric = await self.app.push_screen_wait(
                Choose("Metric", ordered(list(self._loaded.metrics)), now)
            )
            if metric:
                self._ask(metric=metric)

    @work(group="ask")
    async def action_protocol(self) -> None:
        """Choose the protocol."""
        if self._loaded and self._loaded.protocols:
            now = self._loaded.found.protocol if self._loaded.found else ""
            protocol = await self.app.push_screen_wait(Choose("Protocol", self._loaded.protocols, now))
            if protocol:
                self._ask(protocol=protocol)

    def action_baseline(self) -> None:
        """Compare with the highlighted side."""
        name = self.query_one("#sides-table", ReportView).chosen
        if name:
            self._ask(baseline=name)

    def action_together(self) -> None:
        """Seeds together, or each run on its own."""
        self._ask(together=not self._asked.together, baseline=None)

    def on_data_table_row_selected(self, event: DataTable.RowSelected) -> None:
        """Enter on a metric tests it; on a side, it becomes the baseline."""
        if event.data_table.id == "metrics-table":
            self._ask(metric=str(event.row_key.value))
        elif event.data_table.id == "sides-table":
            self.action_baseline()

    def action_tab(self, name: str) -> None:
        """Bring a tab to the top."""
        self.query_one(TabbedContent).active = name

    def action_export(self) -> None:
        """Write the table into a file."""
        from b4r_tui.results.export.write import ExportOptions

        if self._loaded is None or self._loaded.found is None:
            return
        found = self._loaded.found
        of_baseline = next(side for side in found.sides if side.name == found.baseline)
        options = ExportOptions(
            metrics=tuple(dict.fromkeys([found.metric, *_usual(found.sides[0].scores)])),
            protocol=found.protocol,
            only=tuple(run.run_id for run in self._runs),
            baseline=of_baseline.run_ids[0],
        )
        self.ask_export(self._root, "comparison.html", options)

    def action_others(self) -> None:
        """Choose other runs."""
        from b4r_tui.app.screens.compare.picker import ComparePicker

        views = [view for view in self.b4r.views() if view.progress.test]
        mine = {run.dir for run in self._runs}
        chosen = [view for view in views if view.run.dir in mine]
        self.app.push_screen(ComparePicker(views, chosen), self._take)

    def _take(self, runs: list[Run] | None) -> None:
        if runs:
            self._runs = oldest_first(runs)
            self._ask(baseline=None)

    def action_reload(self) -> None:
        """Read the runs again."""
        self._ask()

    def action_leave(self) -> None:
        """Back."""
        self.dismiss()


def oldest_first(runs: Sequence[Run]) -> list[Run]:
    """What came first is what the others are compared with."""
    return sorted(runs, key=lambda run: run.run_id)


def refusal(loaded: Loaded) -> str:
    """Why the sides cannot be compared, and whether another protocol is worth a try."""
    if loaded.found or not loaded.protocols:
        return loaded.refused
    refused = loaded.refused.removesuffix(OTHER_PROTOCOL)
    return f"{refused}\n\nTested by all: {', '.join(loaded.protocols)}. Press p to choose."


def headline(loaded: Loaded, palette: Palette) -> Text:
    """What is compared, under which conditions."""
    line = Text.assemble(("Compare", f"bold {palette.running}"), no_wrap=True, overflow="ellipsis")
    facts = [plural(len(loaded.sides), "side")]
    if loaded.found:
        found = loaded.found
        sampled = f" (negatives {found.negatives[:8]})" if found.negatives else ""
        data = f"{found.dataset} {found.fingerprint[:8]}".strip()
        facts += [f"test split, {found.protocol}{sampled}", f"{whole(found.users)} users", data]
    runs = sum(len(side.runs) for side in loaded.sides)
    if runs > len(loaded.sides):
        facts[0] += f" of {plural(runs, 'run')}, seeds together"
    return line.append("  " + "  ·  ".join(facts))


def _usual(scores: Mapping[str, object]) -> list[str]:
    return [name for name in ("ndcg@10", "recall@10") if name in scores]
