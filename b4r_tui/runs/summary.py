"""Summarises a run in one flat record, `summary.json`, which leaderboards and comparisons read.

It is made of the run's other files only, so it can be deleted and rebuilt at any time.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from b4r_tui.runs.crash.explain import card_of
from b4r_tui.runs.progress import RunWatch
from b4r_tui.runs.recipe import recipe
from b4r_tui.runs.store import Run
from engine.contract import run_folder
from engine.contract.atomic_files import read_json, write_json
from engine.contract.config.experiment import Experiment
from engine.contract.errors import B4RError
from engine.contract.events import Intervals, RunStarted, Test

VERSION = 3
Summary = dict[str, Any]
INTERVAL_PARTS = ("low", "high", "n", "se")  # what a metric may have besides its value


def read_summary(run: Run) -> Summary:
    """Return the run's summary: from its file once it has ended, else made now."""
    stored = read_json(run.dir / run_folder.SUMMARY)
    return stored if stored and stored.get("v") == VERSION else summarise(run)


def write_summary(run: Run) -> None:
    """Write `summary.json` of a run that has ended. Raises OSError."""
    write_json(run.dir / run_folder.SUMMARY, summarise(run))


def summarise(run: Run) -> Summary:
    """Return the flat record of the run now; times in unix seconds.

    Test metrics are under `test.<protocol>.<metric>`, with their `.low`, `.high`, `.n` and `.se`, those of popularity
    under `baseline.…`, of random and markov under `baselines.random.…`, fingerprints of negatives under
    `negatives.<protocol>`. `recipe` is equal for runs that only differ in their seed. Epochs count from 0.
    """
    watch = RunWatch(run)
    watch.poll()
    progress, status, ended = watch.progress, run.status(), run.exit()
    card = card_of(run, watch.state, ended) if watch.state.ended else None
    return {
        "v": VERSION,
        "run_id": run.run_id,
        "experiment": run.experiment,
        "state": str(watch.state),
        "error": progress.error,
        "cause": card.title if card else None,
        "queued_at": status.queued_at if status else None,
        "waits": status.waits if status and not watch.state.ended else None,
        "started_at": status.started_at if status else None,
        "ended_at": ended.ended_at if ended else None,
        "exit_code": ended.code if ended else None,
        "epochs_done": progress.epochs_done,
        "best_epoch": progress.best_epoch,
        "train_loss": progress.train_losses[-1] if progress.history else None,
        "sequences_per_second": progress.sequences_per_second,
        **_settings(run),
        **_data(progress.started),
        **(tested(progress.test) if progress.test else {}),
        **(_negatives(progress.test) if progress.test else {}),
    }


def _settings(run: Run) -> Summary:
    try:
        experiment: Experiment = run.config()
    except B4RError:
        return {}
    return {
        "mode": experiment.launch.mode,
        "ranks": experiment.launch.ranks,
        "epochs": experiment.training.num_epochs,
        "seed": experiment.training.seed,
        "recipe": recipe(experiment),
        "split": experiment.data.split,
        "protocol": experiment.evaluation.protocols[0],
        "select_by": experiment.evaluation.select_by,
    }


def _data(started: RunStarted | None) -> Summary:
    if started is None:
        return {}
    dataset = started.dataset
    return {
        "dataset": dataset.get("name"),
        "fingerprint": dataset.get("fingerprint"),
        "device": started.device,
        "parameters": started.parameters,
        "precision": started.precision or None,
    }


def tested(test: Test) -> Summary:
    """Return the metrics of a test as a summary stores them."""
    others = {f"baselines.{name}": table for name, table in test.baselines.items() if name != "popularity"}
    tables = {"test": test.metrics, "baseline": test.baseline, **others}
    flat = {key: value for name, table in tables.items() for key, value in _flat(name, table)}
    return {"tested_epoch": test.checkpoint_epoch, **flat}


def _negatives(test: Test) -> Summary:
    return {f"negatives.{protocol}": found for protocol, found in test.negatives.items()}


def _flat(prefix: str, intervals: Intervals) -> Iterator[tuple[str, Any]]:
    for protocol, metrics in intervals.items():
        for metric, interval in metrics.items():
            key = f"{prefix}.{protocol}.{metric}"
            yield key, interval.get("value")
            for part in INTERVAL_PARTS:
                if part in interval:
                    yield f"{key}.{part}", interval[part]
