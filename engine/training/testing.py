"""The final test: the chosen and the last checkpoint on the test split, popularity beside them."""

from __future__ import annotations

from pathlib import Path

from engine.data.fingerprint import of_negatives
from engine.evaluation.intervals import bootstrap
from engine.evaluation.metrics import per_user
from engine.evaluation.protocols import parse_protocol
from engine.events import Intervals, Test
from engine.files import write_json
from engine.training.checkpoint import check_fits, read_checkpoint
from engine.training.loop import Run
from engine.training.measure import RanksByProtocol


def final_test(run: Run) -> None:
    """Test the last checkpoint, then the one evaluation.pth names (the best, if not set), which comes last."""
    wanted = ("last", run.experiment.evaluation.pth)
    # rank 0 wrote the files and best.json, so only it knows that they are there
    paths = [run.checkpoints.resolve(pth) for pth in wanted] if run.group.is_first else []
    last, chosen = run.group.broadcast(paths)
    if last != chosen:
        measure_checkpoint(run, last)
    event = measure_checkpoint(run, chosen)
    if run.group.is_first:
        write_metrics(run, event, chosen)


def measure_checkpoint(run: Run, path: Path) -> Test:
    """Load a checkpoint, measure it on the test split, report and return the event. A collective."""
    checkpoint = read_checkpoint(path)
    check_fits(checkpoint, path, run.model.state(), run.dataset)
    run.model.load(checkpoint.weights)
    ranks = run.measure.model(
        run.model,
        "test",
        lambda step, steps: run.report.progress("test", checkpoint.epoch, step, steps),
    )
    baseline = run.measure.popularity("test")
    event = Test(
        checkpoint_epoch=checkpoint.epoch,
        metrics=_table(run, ranks),
        baseline=_table(run, baseline),
        negatives=_negatives(run),
    )
    run.report.event(event)
    return event


def write_metrics(run: Run, event: Test, checkpoint: Path) -> None:
    """Write metrics.json: a test's metrics with what they were measured on."""
    write_json(
        run.checkpoints.run_dir / "metrics.json",
        {
            "v": 1,
            "checkpoint": run.checkpoints.shown(checkpoint),
            "checkpoint_epoch": event.checkpoint_epoch,
            "dataset": run.dataset.name,
            "split": run.experiment.data.split,
            "split_fingerprint": run.dataset.split_fingerprint,
            "negatives": event.negatives,
            "metrics": event.metrics,
            "baseline": event.baseline,
        },
    )


def _table(run: Run, ranks: RanksByProtocol) -> Intervals:
    cutoffs, seed = run.experiment.evaluation.metric_ks, run.experiment.data.seed
    return {protocol: bootstrap(per_user(found, cutoffs), seed=seed) for protocol, found in ranks.items()}


def _negatives(run: Run) -> dict[str, str]:
    """Sampled protocol → fingerprint of its negatives."""
    split, seed = run.dataset.split_fingerprint, run.experiment.data.seed
    names = run.experiment.evaluation.protocols
    return {name: of_negatives(split, name, seed) for name in names if parse_protocol(name).weights}
