"""The final test: the chosen and the last checkpoint on the test split, baselines beside them."""

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
from engine.evaluation.measure import RanksByProtocol, Told
from engine.evaluation.protocols import parse_protocol
from engine.evaluation.rank_file import write_ranks
from engine.runtime.checkpoints.epoch_files import check_fits, read_checkpoint
from engine.runtime.run import Run


def final_test(run: Run) -> None:
    """Test the last checkpoint, then the one evaluation.pth names (the best, if not set), which comes last."""
    wanted = ("last", run.experiment.evaluation.pth)
    # rank 0 wrote the files and best.json, so only it knows that they are there
    paths = [run.checkpoints.resolve(pth) for pth in wanted] if run.group.is_first else []
    last, chosen = run.group.broadcast(paths)
    baselines = measure_baselines(run)
    if last != chosen:
        measure_checkpoint(run, last, baselines, with_ranks=False)
    event = measure_checkpoint(run, chosen, baselines)
    if run.group.is_first:
        write_metrics(run, event, chosen)


def measure_baselines(run: Run, told: Told | None = None) -> dict[str, Intervals]:
    """Test metrics of the baselines by name: the same beside every checkpoint. A collective. told: as in `Measure`."""
    return {name: _table(run, found) for name, found in run.measure.baselines("test", told).items()}


def measure_checkpoint(
    run: Run, path: Path, baselines: dict[str, Intervals], with_ranks: bool = True
) -> Test:
    """Load a checkpoint, measure it on the test split, report and return the event. A collective.

    baselines: of `measure_baselines`, to stand beside it. with_ranks: whether rank 0 leaves every user's rank in
    `predictions/`.
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
        for protocol, found in ranks.items():  # nothing but on rank 0
            write_ranks(run.checkpoints.run_dir, protocol, found, run.dataset, "test")
    run.report.event(event)
    return event


def write_metrics(run: Run, event: Test, checkpoint: Path, **more: Any) -> None:
    """Write metrics.json: a test's metrics with what they were measured on, and whatever else there is to say."""
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


def _table(run: Run, ranks: RanksByProtocol) -> Intervals:
    return {protocol: _metrics(run, found) for protocol, found in ranks.items()}


def _metrics(run: Run, ranks: UserRanks) -> dict[str, dict[str, float]]:
    """Every metric of one protocol, those of the lists after those of the ranks."""
    cutoffs, dataset = run.experiment.evaluation.metric_ks, run.dataset
    values = per_user(ranks, cutoffs)
    if ranks.top is None:
        return bootstrap(values, seed=run.experiment.data.seed)
    values |= list_metrics.per_user(ranks.top, dataset.popularity / dataset.num_users, cutoffs)
    whole = list_metrics.of_catalogue(ranks.top, dataset.num_items, cutoffs)
    return {
        **bootstrap(values, seed=run.experiment.data.seed),
        **{name: {"value": value, "n": len(ranks)} for name, value in whole.items()},
    }


def _negatives(run: Run) -> dict[str, str]:
    """Sampled protocol → fingerprint of its negatives."""
    split, seed = run.dataset.split_fingerprint, run.experiment.data.seed
    names = run.experiment.evaluation.protocols
    return {name: of_negatives(split, name, seed) for name in names if parse_protocol(name).weights}
