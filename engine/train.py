"""Trains one run: `torchrun -m engine.train RUN_DIR`, or without torchrun for a single rank.

The run folder's config.toml says everything; events, checkpoints and metrics go back into the folder.
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
from engine.distributed.process_group import Group, process_group
from engine.evaluation.measure import Measure
from engine.runtime.attempts import has_finished
from engine.runtime.checkpoint_test import final_test
from engine.runtime.checkpoints.epoch_files import Checkpoints
from engine.runtime.environment import record_environment
from engine.runtime.logs import start_log
from engine.runtime.precision import with_precision
from engine.runtime.report import Reporter, failures_reported
from engine.runtime.run import Run
from engine.training.preemption import Stopped
from engine.training.trainer import Trainer

log = logging.getLogger("engine.train")  # not __name__, which is __main__ under torchrun


def train(run_dir: Path) -> bool:
    """Fit and test the experiment of `run_dir`, going on where an earlier attempt was saved last.

    Returns False where it was asked to stop before. Raises B4RError with a sentence for what a person can mend.
    """
    experiment = read_run_config(run_dir)
    # a failure is told before the group is left: the other ranks fail when it closes, and are only an echo
    with process_group(experiment.launch.gpu) as group, failures_reported(run_dir, group.rank):
        return train_in_group(run_dir, experiment, group)


def train_in_group(run_dir: Path, experiment: Experiment, group: Group) -> bool:
    """What every rank does. Returns whether it came to the end."""
    report = Reporter(run_dir, group)
    run = prepare(run_dir, with_precision(dealt(experiment, group.world_size), group), group, report)
    report_start(run)
    try:
        best_epoch = Trainer(run).fit()
    except Stopped:
        log.info("stopped as asked; the checkpoint `last` holds where to go on")
        return False
    final_test(run)
    report.event(RunFinished(seconds=round(report.seconds, 3), best_epoch=best_epoch))
    return True


def dealt(experiment: Experiment, ranks: int) -> Experiment:
    """The experiment on the ranks there are: where an elastic launch has lost nodes, each takes more of every step.

    The sequences a step on all ranks together stay as many; the settings are checked to allow that.
    """
    launch, training = experiment.launch, experiment.training
    if launch.min_nodes == launch.nodes or ranks == launch.ranks:
        return experiment
    batch = training.train_batch_size * launch.ranks // ranks
    return experiment.model_copy(update={"training": training.model_copy(update={"train_batch_size": batch})})


def prepare(run_dir: Path, experiment: Experiment, group: Group, report: Reporter) -> Run:
    """Read the data, build the model and whatever a run needs besides."""
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
    return Run(experiment, dataset, model, measure, Checkpoints(run_dir, experiment), report, group)


def report_start(run: Run) -> None:
    """Say what runs, and what a reader of its results should know."""
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
                message="training.grad_clip leaves the sharded item table alone: its optimiser steps in the "
                "backward pass, before the norm of the gradient is known",
            )
        )
    for protocol, users in run.measure.evaluator.short_users.items():
        run.report.event(
            Warn(
                code="few_candidates",
                message=f"{protocol}: {users} users have fewer unseen items; they are ranked among all of them",
            )
        )


def facts_of(dataset: Dataset, experiment: Experiment) -> dict[str, Any]:
    """What a reader of the results has to know of the data, as the event `run_started` has it."""
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
    """Entry point of every rank."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if len(arguments) != 1:
        sys.exit("usage: [torchrun ...] -m engine.train RUN_DIR")
    run_dir, rank = Path(arguments[0]).absolute(), int(os.environ.get("RANK", 0))
    start_log(run_dir, rank)
    if has_finished(run_dir):  # no failure of the run, so it must not be reported as one
        log.error("%s: this run has finished; launch its experiment again for another", run_dir)
        sys.exit(int(ExitCode.BAD_INPUT))
    with failures_reported(run_dir, rank):
        ended = train(run_dir)
    if not ended:
        sys.exit(int(ExitCode.INTERRUPTED))


if __name__ == "__main__":
    main()
