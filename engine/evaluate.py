"""Measures a finished run's checkpoint: `torchrun -m engine.evaluate RUN_DIR [--pth best]`.

Any world size gives the same metrics, which go to metrics.json and a `test` event of the run folder.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from engine.config import Experiment, read_run_config
from engine.distributed.group import Group, process_group
from engine.distributed.output import start_log
from engine.train import prepare
from engine.training.report import Reporter, failures_reported
from engine.training.testing import measure_baselines, measure_checkpoint, write_metrics


def evaluate(run_dir: Path, pth: str) -> None:
    """Test a checkpoint of the run in `run_dir`. Raises B4RError with a sentence for what a person can mend."""
    experiment = read_run_config(run_dir)
    with process_group(experiment.launch.gpu) as group, failures_reported(run_dir, group.rank):
        evaluate_in_group(run_dir, pth, experiment, group)


def evaluate_in_group(run_dir: Path, pth: str, experiment: Experiment, group: Group) -> None:
    """What every rank does."""
    run = prepare(run_dir, experiment, group, Reporter(run_dir, group))
    path = run.checkpoints.resolve(pth)
    event = measure_checkpoint(run, path, measure_baselines(run))
    if group.is_first:
        write_metrics(run, event, path)


def main(arguments: list[str] | None = None) -> None:
    """Entry point of every rank."""
    parser = argparse.ArgumentParser(prog="python -m engine.evaluate", description=__doc__)
    parser.add_argument("run_dir", type=lambda text: Path(text).absolute(), help="run folder")
    parser.add_argument(
        "--pth", default="best", help="best, last, a file of the checkpoint folder, or a path"
    )
    options = parser.parse_args(arguments)
    rank = int(os.environ.get("RANK", 0))
    start_log(options.run_dir, rank)
    with failures_reported(options.run_dir, rank):
        evaluate(options.run_dir, options.pth)


if __name__ == "__main__":
    main()
