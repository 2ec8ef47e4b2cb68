"""The tables of runs that commands print: active runs, all runs, details of one run."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from typing import Any

from rich.text import Text

from b4r_tui.common.format import NOTHING, bar, decimal, duration, interval, loss, moment, rate, whole
from b4r_tui.reports.table import Column, ReportTable, text
from b4r_tui.runs.data_funnel import COUNTS, funnel_of
from b4r_tui.runs.progress import RunWatch
from b4r_tui.runs.sharding_rows import TITLES, plan_rows, size, total_bytes
from b4r_tui.runs.state import RunState
from b4r_tui.runs.summary import INTERVAL_PARTS, Summary
from engine.contract.config.experiment import Experiment

STATE_STYLES = {
    "queued": "dim",
    "running": "cyan",
    "finished": "green",
    "failed": "bold red",
    "stopped": "yellow",
    "lost": "bold red",
}
_BAR = 8  # characters


def live_table(watches: Sequence[RunWatch], experiments: Sequence[Experiment], now: float) -> ReportTable:
    """Return active runs, one row each. Validation metrics are of each run's first protocol, which is shown."""
    protocols = [experiment.evaluation.protocols[0] for experiment in experiments]
    one = protocols[0] if len(set(protocols)) == 1 else None
    cutoff = common_cutoff(experiments)
    columns = [
        Column("experiment"),
        Column("mode", spare=4),
        Column("state", width=8),
        Column("epoch", right=True),
        Column("progress", spare=1, width=_BAR + 7),
        Column("loss", right=True, spare=2, width=5),
        Column(f"Recall@{cutoff}", right=True),
        Column(f"NDCG@{cutoff}", right=True),
        Column("seq/s", right=True, spare=3, width=6),
        Column("protocol"),
    ]
    rows = [
        _live_row(watch, experiment, cutoff, "" if one else protocol, now)
        for watch, experiment, protocol in zip(watches, experiments, protocols, strict=True)
    ]
    return ReportTable(f"Metrics: validation, protocol {one or 'in the last column'}", columns, rows)


def common_cutoff(experiments: Iterable[Experiment]) -> int:
    """Return the cutoff of the metrics to show for these: 10, or the smallest that all of them measure."""
    shared = set.intersection(*(set(experiment.evaluation.metric_ks) for experiment in experiments))
    return 10 if 10 in shared or not shared else min(shared)


def runs_table(summaries: Sequence[Summary]) -> ReportTable:
    """Return all runs, with their test results."""
    columns = [
        Column("run"),
        Column("experiment"),
        Column("state"),
        Column("mode", spare=4),
        Column("epochs", right=True, spare=2),
        Column("cause", spare=1),
        Column("test metric", spare=1),
        Column("value", right=True, spare=1),
        Column("queued", spare=5),
        Column("took", right=True, spare=3),
        Column("reason", spare=6),
    ]
    return ReportTable("", columns, [_run_row(summary) for summary in summaries])


def tested_table(summary: Summary) -> ReportTable:
    """Return all test metrics of a run, each next to the baselines that it measured."""
    others = [
        name for name in ("markov", "random") if any(key.startswith(f"baselines.{name}.") for key in summary)
    ]
    columns = [
        Column("protocol"),
        Column("metric"),
        Column("value", right=True),
        Column("95 % interval", spare=1),
        Column("popularity", right=True),
        *(Column(name, right=True, spare=3) for name in others),
        Column("users", right=True, spare=2),
    ]
    rows = [_tested_row(summary, key, others) for key in summary if _is_tested_metric(summary, key)]
    return ReportTable(f"Test, epoch {(summary.get('tested_epoch') or 0) + 1}", columns, rows)


def funnel_table(dataset: dict[str, Any]) -> ReportTable:
    """Return what each step of reading and filtering kept, and what it removed."""
    columns = [Column("step")]
    for count in COUNTS:
        columns += [Column(count, right=True), Column("removed", right=True, spare=1)]
    rows = [
        [
            text(step.name),
            *(cell for counts in zip(step.left, step.removed, strict=True) for cell in _left(*counts)),
        ]
        for step in funnel_of(dataset)
    ]
    return ReportTable(f"Data: {dataset.get('name', NOTHING)}", columns, rows)


def plan_table(plan: list[dict[str, Any]]) -> ReportTable:
    """Return on which ranks the item table and the output layer are, and how much memory they take."""
    columns = [Column(title, right=title not in TITLES[:3], spare=int(title == "kernel")) for title in TITLES]
    totals = ", ".join(f"rank {rank} {size(count)}" for rank, count in total_bytes(plan).items())
    return ReportTable(f"Plan: {totals}", columns, [[text(cell) for cell in row] for row in plan_rows(plan)])


def _left(left: int, removed: int) -> tuple[Text, Text]:
    return text(whole(left)), text(f"-{whole(removed)}" if removed else "")


def _live_row(watch: RunWatch, experiment: Experiment, cutoff: int, protocol: str, now: float) -> list[Text]:
    progress, state = watch.progress, watch.state
    recall, ndcg = progress.metric(f"recall@{cutoff}"), progress.metric(f"ndcg@{cutoff}")
    running = state is RunState.RUNNING
    return [
        text(experiment.name),
        text(f"{experiment.launch.mode} x{experiment.launch.ranks}"),
        text(state, STATE_STYLES[state.value]),
        text(f"{progress.epochs_done}/{progress.epochs}"),
        _bar(progress.fraction(), STATE_STYLES[state.value], progress.eta_seconds(now) if running else None),
        text(loss(progress.loss)),
        text(decimal(recall)),
        text(decimal(ndcg)),
        text(rate(progress.sequences_per_second)),
        text(protocol),
    ]


def _bar(fraction: float, style: str, eta: float | None) -> Text:
    """Return a progress bar, and the time to go where it is known."""
    done, rest = bar(fraction, _BAR)
    drawn = Text.assemble((done, style), (rest, "dim"))
    return drawn if eta is None else drawn.append(f" {duration(eta)}")


def _run_row(summary: Summary) -> list[Text]:
    metric, protocol = summary.get("select_by", ""), summary.get("protocol", "")
    value = summary.get(f"test.{protocol}.{metric}")
    return [
        text(summary["run_id"]),
        text(summary["experiment"]),
        text(summary["state"], STATE_STYLES.get(summary["state"], "")),
        text(f"{summary.get('mode', '?')} x{summary.get('ranks', '?')}"),
        text(f"{summary['epochs_done']}/{summary.get('epochs', '?')}"),
        text(summary.get("cause") or ""),
        text("" if value is None else f"{metric} {protocol}"),
        text("" if value is None else decimal(value)),
        text(moment(summary["queued_at"])),
        text(duration(took(summary))),
        text(summary.get("waits") or ""),
    ]


def took(summary: Summary) -> float | None:
    """Return the seconds from a run's start to its end, or to now while it runs."""
    started = summary.get("started_at")
    if started is None or summary["state"] == "lost":
        return None
    return float((summary.get("ended_at") or time.time()) - started)


def _is_tested_metric(summary: Summary, key: str) -> bool:
    return key.startswith("test.") and key.rpartition(".")[2] not in INTERVAL_PARTS


def _tested_row(summary: Summary, key: str, others: Sequence[str]) -> list[Text]:
    protocol, _, metric = key.removeprefix("test.").partition(".")
    return [
        text(protocol),
        text(metric),
        text(decimal(summary[key])),
        text(interval(summary.get(f"{key}.low"), summary.get(f"{key}.high"))),
        text(decimal(summary.get(f"baseline.{protocol}.{metric}"))),
        *(baseline_cell(summary.get(f"baselines.{name}.{protocol}.{metric}")) for name in others),
        text(whole(summary.get(f"{key}.n"))),
    ]


def baseline_cell(value: float | None) -> Text:
    """Return a baseline's cell, empty if the run did not measure it: a column of empty cells is not shown."""
    return text("" if value is None else decimal(value))
