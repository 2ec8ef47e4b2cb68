"""Trains one run: `torchrun -m engine.train RUN_DIR`, or without torchrun for a single rank.

The run folder's config.toml holds all settings; events, checkpoints and metrics are written to the folder.
"""

from __future__ import annotations

import logging
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from engine.contract.config.experiment import Experiment, read_run_config
from engine.contract.errors import ExitCode
from engine.contract.events import RunFinished, RunStarted, Warn
from engine.data.dataset import PHASES, Dataset
from engine.data.load import load_dataset
from engine.distributed.parallel_model import build_parallel
from engine.distributed.process_group import ProcessGroup, process_group
from engine.evaluation.measure import Measure
from engine.runtime.attempts import has_finished
from engine.runtime.checkpoint_test import final_test
from engine.runtime.checkpoints.epoch_files import EpochFiles
from engine.runtime.environment import record_environment
from engine.runtime.logs import start_log
from engine.runtime.precision import with_precision
from engine.runtime.report import Reporter, failures_reported, to_events
from engine.runtime.run import RunContext
from engine.training.preemption import Stopped
from engine.training.trainer import Trainer

log = logging.getLogger("engine.train")  # not __name__, which is __main__ under torchrun


def train(run_dir: Path) -> bool:
    """Fit and test the experiment of `run_dir`, resuming from the last checkpoint of an earlier attempt.

    Returns False if a stop was requested before the end. Raises B4RError for what the user can fix.
    """
    experiment = read_run_config(run_dir)
    # a failure is reported before the group closes: closing it makes the other ranks fail too
    with process_group(experiment.launch.gpu) as group, failures_reported(to_events(run_dir, group.rank)):
        return train_in_group(run_dir, experiment, group)


def train_in_group(run_dir: Path, experiment: Experiment, group: ProcessGroup) -> bool:
    """Train and test on this rank. Returns False if a stop was requested before the end."""
    report = Reporter(run_dir, group)
    experiment = with_precision(with_fewer_nodes(experiment, group.world_size), group)
    run = prepare(run_dir, experiment, group, report)
    report_start(run)
    try:
        best_epoch = Trainer(run).fit()
    except Stopped:
        log.info("stopped on request; resume from checkpoint `last`")
        return False
    final_test(run)
    report.event(RunFinished(seconds=round(report.seconds, 3), best_epoch=best_epoch))
    return True


def with_fewer_nodes(experiment: Experiment, ranks: int) -> Experiment:
    """Return the experiment with larger batches per rank if an elastic launch has lost nodes.

    The global batch stays the same; the settings were checked to allow that.
    """
    launch, training = experiment.launch, experiment.training
    if launch.min_nodes == launch.nodes or ranks == launch.ranks:
        return experiment
    batch = training.train_batch_size * launch.ranks // ranks
    return experiment.model_copy(update={"training": training.model_copy(update={"train_batch_size": batch})})


def prepare(run_dir: Path, experiment: Experiment, group: ProcessGroup, report: Reporter) -> RunContext:
    """Read the data, build the model and the rest of the context of a run."""
    log.info(
        "rank %d of %d on %s, threads: %d",
        group.rank,
        group.world_size,
        group.device,
        torch.get_num_threads(),
    )
    report.progress("data", 0, 0, 1)
    with group.first_goes_first():
        dataset = load_dataset(experiment.data)
    record_environment(run_dir, dataset, group, experiment.launch.mode)
    measure = Measure(dataset, experiment, group)
    model = build_parallel(experiment, dataset.num_items, group)
    log.info("item table on this rank: %s", model.table_share)
    return RunContext(experiment, dataset, model, measure, EpochFiles(run_dir, experiment), report, group)


def report_start(run: RunContext) -> None:
    """Report what is running, with warnings that a reader of its results should know."""
    run.report.event(
        RunStarted(
            run_id=run.checkpoints.run_dir.name,
            experiment=run.experiment.name,
            world_size=run.group.world_size,
            device=run.group.device.type,
            mode=run.experiment.launch.mode,
            dataset=facts_of(run.dataset, run.experiment),
            parameters=run.model.parameters,
            precision=run.experiment.training.precision,
            plan=run.model.described_plan,
        )
    )
    if run.model.optimisers.clip is not None and run.model.optimisers.fused:
        run.report.event(
            Warn(
                code="table_not_clipped",
                message="training.grad_clip does not apply to the sharded item table: its optimiser steps in the "
                "backward pass, before the norm of the gradient is known",
            )
        )
    for protocol, users in run.measure.evaluator.short_users.items():
        run.report.event(
            Warn(
                code="few_candidates",
                message=f"{protocol}: {users} users have fewer unseen items than that; all of them are candidates",
            )
        )


def facts_of(dataset: Dataset, experiment: Experiment) -> dict[str, Any]:
    """Return the facts about the data for the event `run_started`."""
    return {
        "name": dataset.name,
        "users": dataset.num_users,
        "items": dataset.num_items,
        "interactions": dataset.num_interactions,
        "fingerprint": dataset.split_fingerprint,
        "data_fingerprint": dataset.data_fingerprint,
        "split": experiment.data.split,
        "training_interactions": len(dataset.training_items),
        "evaluated_users": {phase: len(dataset.evaluated_users(phase)) for phase in PHASES},
        "funnel": [asdict(step) for step in dataset.funnel],
    }


def main(arguments: list[str] | None = None) -> None:
    """Train as one rank."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if len(arguments) != 1:
        sys.exit("usage: [torchrun ...] -m engine.train RUN_DIR")
    run_dir, rank = Path(arguments[0]).absolute(), int(os.environ.get("RANK", 0))
    start_log(run_dir, rank)
    if has_finished(run_dir):  # not a failure of the run, so it must not be reported as one
        log.error("%s: this run has finished; launch its experiment again for a new run", run_dir)
        sys.exit(int(ExitCode.BAD_INPUT))
    with failures_reported(to_events(run_dir, rank)):
        finished = train(run_dir)
    if not finished:
        sys.exit(int(ExitCode.INTERRUPTED))


if __name__ == "__main__":
    main()
