"""The final test: the chosen and the last checkpoint on the test split, compared with baselines."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from engine.contract import run_folder
from engine.contract.atomic_files import write_json
from engine.contract.events import Intervals, Test
from engine.contract.ranks.intervals import bootstrap
from engine.contract.ranks.metrics import per_user
from engine.contract.ranks.user_ranks import UserRanks
from engine.data.fingerprint import of_file, of_negatives
from engine.evaluation import list_metrics
from engine.evaluation.measure import OnProgress, RanksByProtocol
from engine.evaluation.protocols import parse_protocol
from engine.evaluation.rank_file import write_ranks
from engine.runtime.checkpoints.epoch_files import check_fits, read_checkpoint
from engine.runtime.run import RunContext


def final_test(run: RunContext) -> None:
    """Test the last checkpoint, then the one that evaluation.pth names, whose `test` event must be the last."""
    wanted = ("last", run.experiment.evaluation.pth)
    # rank 0 wrote the files and best.json; other machines may not see them yet
    paths = [run.checkpoints.resolve(pth) for pth in wanted] if run.group.is_first else []
    last, chosen = run.group.broadcast(paths)
    baselines = measure_baselines(run)
    if last != chosen:
        measure_checkpoint(run, last, baselines, with_ranks=False)
    event = measure_checkpoint(run, chosen, baselines)
    if run.group.is_first:
        write_metrics(run, event, chosen)


def measure_baselines(run: RunContext, on_progress: OnProgress | None = None) -> dict[str, Intervals]:
    """Return the baselines' test metrics by name, which are equal for every checkpoint. A collective."""
    return {name: _table(run, ranks) for name, ranks in run.measure.baselines("test", on_progress).items()}


def measure_checkpoint(
    run: RunContext, path: Path, baselines: dict[str, Intervals], with_ranks: bool = True
) -> Test:
    """Load a checkpoint, measure it on the test split, report and return the event. A collective.

    baselines: from `measure_baselines`. with_ranks: whether rank 0 writes every user's rank to `predictions/`.
    """
    checkpoint = read_checkpoint(path)
    check_fits(checkpoint, path, run.model.state(), run.dataset)
    run.model.load(checkpoint.weights)
    ranks = run.measure.model(
        run.model,
        "test",
        lambda step, steps: run.report.progress("test", checkpoint.epoch, step, steps),
    )
    event = Test(
        checkpoint_epoch=checkpoint.epoch,
        metrics=_table(run, ranks),
        baseline=baselines["popularity"],
        baselines=baselines,
        negatives=_negatives(run),
    )
    if with_ranks:
        for protocol, rows in ranks.items():  # empty except on rank 0
            write_ranks(run.checkpoints.run_dir, protocol, rows, run.dataset, "test")
    run.report.event(event)
    return event


def write_metrics(run: RunContext, event: Test, checkpoint: Path, **more: Any) -> None:
    """Write metrics.json: the metrics of a test, what they were measured on, and `more`."""
    write_json(
        run.checkpoints.run_dir / run_folder.METRICS,
        {
            "v": 1,
            "checkpoint": run.checkpoints.shown(checkpoint),
            "checkpoint_epoch": event.checkpoint_epoch,
            "checkpoint_sha256": of_file(checkpoint),
            "dataset": run.dataset.name,
            "split": run.experiment.data.split,
            "split_fingerprint": run.dataset.split_fingerprint,
            "negatives": event.negatives,
            "metrics": event.metrics,
            "baseline": event.baseline,
            "baselines": event.baselines,
            **more,
        },
    )


def _table(run: RunContext, ranks: RanksByProtocol) -> Intervals:
    return {protocol: _metrics(run, rows) for protocol, rows in ranks.items()}


def _metrics(run: RunContext, ranks: UserRanks) -> dict[str, dict[str, float]]:
    """Return every metric of one protocol: first those of ranks, then those of lists."""
    cutoffs, dataset = run.experiment.evaluation.metric_ks, run.dataset
    values = per_user(ranks, cutoffs)
    if ranks.top is None:
        return bootstrap(values, seed=run.experiment.data.seed)
    values |= list_metrics.per_user(ranks.top, dataset.popularity / dataset.num_users, cutoffs)
    of_catalogue = list_metrics.of_catalogue(ranks.top, dataset.num_items, cutoffs)
    return {
        **bootstrap(values, seed=run.experiment.data.seed),
        **{name: {"value": value, "n": len(ranks)} for name, value in of_catalogue.items()},
    }


def _negatives(run: RunContext) -> dict[str, str]:
    """Return the fingerprint of each sampled protocol's negatives."""
    split, seed = run.dataset.split_fingerprint, run.experiment.data.seed
    names = run.experiment.evaluation.protocols
    return {name: of_negatives(split, name, seed) for name in names if parse_protocol(name).weights}
