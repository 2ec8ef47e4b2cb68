"""Evaluates a checkpoint of a run on any number of ranks: `torchrun -m engine.programs.evaluate RUN_DIR [--pth best]`.

The metrics are the same for any world size and mode. With the run's own checkpoint, data and protocols they replace
its metrics.json and are reported in a `test` event; with any others they go to `evaluations/` in the run folder.
Standard output has JSON lines as in `engine.contract.messages`; `done` names the file with the result.
"""

from __future__ import annotations

import argparse
import logging
import signal
from dataclasses import asdict
from pathlib import Path
from typing import Any

from engine.contract import run_folder
from engine.contract.config.experiment import Experiment, read_run_config
from engine.contract.errors import B4RError, ExitCode
from engine.contract.events import RunStarted, read_events
from engine.contract.messages import emit
from engine.contract.options.evaluate import EvaluateOptions, add_options, options_of
from engine.contract.options.evaluate_plan import Evaluation, planned
from engine.data.dataset import Dataset
from engine.data.load import load_dataset
from engine.data.reindex import Unknown, on_items
from engine.distributed.parallel_model import build_parallel
from engine.distributed.process_group import ProcessGroup, process_group
from engine.evaluation.measure import Measure, ModelScorer
from engine.evaluation.trec_files import Candidates, write_run_files
from engine.runtime.checkpoint_test import measure_baselines, measure_checkpoint, write_metrics
from engine.runtime.checkpoints.epoch_files import EpochFiles, LoadedCheckpoint, check_fits, read_checkpoint
from engine.runtime.logs import log_to_stderr
from engine.runtime.precision import with_precision
from engine.runtime.report import StdoutReporter, failures_reported, to_stdout
from engine.runtime.run import RunContext

log = logging.getLogger("engine.programs.evaluate")  # not __name__, which is __main__ under torchrun


def evaluate(run_dir: Path, options: EvaluateOptions) -> None:
    """Test a checkpoint of the run in `run_dir`. Raises B4RError for what the user can fix."""
    experiment = read_run_config(run_dir)
    evaluation = planned(run_dir, experiment, options)
    with process_group(evaluation.experiment.launch.gpu) as group, failures_reported(to_stdout):
        evaluate_in_group(run_dir, evaluation, options, group)


def evaluate_in_group(run_dir: Path, plan: Evaluation, options: EvaluateOptions, group: ProcessGroup) -> None:
    """Test the checkpoint as one of the ranks."""
    experiment = with_precision(as_trained(run_dir, plan.experiment), group)
    path = EpochFiles(run_dir, experiment).resolve(experiment.evaluation.pth)
    checkpoint = read_checkpoint(path)
    dataset, unknown = read_data(experiment, checkpoint, plan.other_data, group)
    run = prepare(run_dir, plan, experiment, dataset, group)
    check_fits(checkpoint, path, run.model.state(), dataset)
    if not plan.other_data and checkpoint.split_fingerprint != dataset.split_fingerprint:
        raise B4RError(
            f"{path}: was trained on other data or another split ({checkpoint.split_fingerprint[:16]}, here "
            f"{dataset.split_fingerprint[:16]}); use --dataset-path to evaluate on other data"
        )
    plan.result_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    event = measure_checkpoint(
        run, path, measure_baselines(run, lambda name, *steps: run.report.progress(name, 0, *steps))
    )
    files = run_files(run, plan.result_dir, options.list_length) if options.run_files else []
    if group.is_first:
        more: dict[str, Any] = {"unknown": asdict(unknown)} if unknown else {}
        more |= {"run_files": [str(each.relative_to(plan.result_dir)) for each in files]} if files else {}
        more |= {} if plan.own else {"settings": settings_of(run)}
        write_metrics(run, event, path, **more)
        emit("done", path=str(plan.result_dir / run_folder.METRICS))


def as_trained(run_dir: Path, experiment: Experiment) -> Experiment:
    """Return the experiment with `auto` replaced by the precision that the run was trained with, if events name it."""
    events = [record.event for record in read_events(run_dir / run_folder.EVENTS)]
    chosen = [event.precision for event in events if isinstance(event, RunStarted) and event.precision]
    if experiment.training.precision != "auto" or not chosen:
        return experiment
    training = experiment.training.model_copy(update={"precision": chosen[-1]})
    return experiment.model_copy(update={"training": training})


def read_data(
    experiment: Experiment, checkpoint: LoadedCheckpoint, other_data: bool, group: ProcessGroup
) -> tuple[Dataset, Unknown | None]:
    """Read the data; other data are reindexed to the checkpoint's items, and what that dropped is returned too."""
    with group.first_goes_first():
        dataset = load_dataset(experiment.data)
    if not other_data or checkpoint.item_ids == dataset.item_ids.tolist():
        return dataset, None
    dataset, unknown = on_items(dataset, checkpoint.item_ids)
    log.info("unknown to the checkpoint: %s", unknown)
    return dataset, unknown


def prepare(
    run_dir: Path, plan: Evaluation, experiment: Experiment, dataset: Dataset, group: ProcessGroup
) -> RunContext:
    """Build the model and the rest of the context; only the run's own test is reported in its events."""
    log.info("rank %d of %d on %s", group.rank, group.world_size, group.device)
    measure = Measure(dataset, experiment, group)
    model = build_parallel(experiment, dataset.num_items, group)
    report = StdoutReporter(run_dir if plan.own else None, group)
    return RunContext(
        experiment, dataset, model, measure, EpochFiles(plan.result_dir, experiment), report, group
    )


def run_files(run: RunContext, folder: Path, list_length: int) -> list[Path]:
    """Write the model's run files to `folder`/predictions. A collective."""
    evaluation, seed = run.experiment.evaluation, run.experiment.data.seed
    return write_run_files(
        Candidates(
            run.dataset, "test", evaluation.protocols, seed, evaluation.block_mb, list_length=list_length
        ),
        ModelScorer(run.model, run.dataset, "test", run.experiment.model.max_len),
        evaluation.test_batch_size,
        run.group.gather,
        folder / run_folder.PREDICTIONS,
        run.group.rank,
        run.group.world_size,
        lambda step, steps: run.report.progress("write", 0, step, steps),
    )


def settings_of(run: RunContext) -> dict[str, Any]:
    """Return the settings that may differ from the run's own, for readers of the result."""
    experiment = run.experiment
    return {
        "data": experiment.data.model_dump(exclude_none=True),
        "protocols": experiment.evaluation.protocols,
        "metric_ks": experiment.evaluation.metric_ks,
        "mode": experiment.launch.mode,
        "world_size": run.group.world_size,
    }


def main(arguments: list[str] | None = None) -> None:
    """Evaluate as one rank."""
    parser = argparse.ArgumentParser(prog="python -m engine.programs.evaluate", allow_abbrev=False)
    parser.add_argument("run_dir", type=lambda text: Path(text).absolute(), help="run folder")
    add_options(parser)
    parsed = parser.parse_args(arguments)
    log_to_stderr()
    signal.signal(signal.SIGTERM, exit_on_sigterm)
    with failures_reported(to_stdout):
        evaluate(parsed.run_dir, options_of(parsed))


def exit_on_sigterm(number: int, frame: object) -> None:
    """Exit through the context managers, so that half-written files are removed."""
    raise SystemExit(int(ExitCode.INTERRUPTED))


if __name__ == "__main__":
    main()
