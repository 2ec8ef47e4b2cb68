"""Measures joint multisided exposure fairness of a run: `python -m engine.programs.measure_fairness RUN_DIR [--help]`.

One CPU process can measure a checkpoint of any mode; under torchrun the users are divided among the ranks.
Standard output has JSON lines as in `engine.contract.messages`; `done` names the file with the result.
"""

from __future__ import annotations

import argparse
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.contract import run_folder
from engine.contract.atomic_files import write_json
from engine.contract.config.experiment import Experiment, read_run_config
from engine.contract.messages import ProgressEmitter, emit
from engine.contract.options.fairness import FairnessOptions, add_options, options_of
from engine.data.dataset import Dataset, Phase
from engine.data.load import load_dataset, load_ratings
from engine.distributed.parallel_model import build_parallel
from engine.distributed.process_group import ProcessGroup, process_group
from engine.evaluation.baselines import markov_scorer, popularity_scorer
from engine.evaluation.evaluator import Evaluator, batch_count
from engine.evaluation.fairness.choose import item_groups, user_groups
from engine.evaluation.fairness.measurement import measure_rankings
from engine.evaluation.fairness.rankings import Rankings, in_user_order
from engine.evaluation.fairness.result import LIST_LENGTH
from engine.evaluation.measure import ModelScorer, OnProgress, by_length
from engine.evaluation.scores import Scorer
from engine.evaluation.top_k_lists import top_k_lists
from engine.runtime.checkpoints.epoch_files import EpochFiles, check_fits, read_checkpoint
from engine.runtime.report import failures_reported, to_stdout

PHASE: Phase = "test"


@dataclass(frozen=True)
class Ranker:
    """What ranks the items, with its checkpoint if it is a model."""

    scorer: Scorer
    checkpoint: str | None = None
    epoch: int | None = None


def measure_fairness(run_dir: Path, options: FairnessOptions) -> None:
    """Measure the run in `run_dir` and write the result to its folder `fairness/`. Raises B4RError."""
    experiment = read_run_config(run_dir)
    gpus = 0 if experiment.launch.gpu == 0 else "auto"
    with process_group(gpus) as group, failures_reported(to_stdout):
        measure_in_group(run_dir, experiment, options, group)


def measure_in_group(
    run_dir: Path, experiment: Experiment, options: FairnessOptions, group: ProcessGroup
) -> None:
    """Rank this rank's share of the users; rank 0 then measures all rankings."""
    with group.first_goes_first():
        dataset = load_dataset(experiment.data)
    # before the slow ranking, so that a missing file is reported at once
    groups = (
        user_groups(options.users, experiment.data, dataset),
        item_groups(options.items, experiment.data, dataset),
    )
    on_progress = ProgressEmitter(silent=not group.is_first)
    ranker = make_ranker(run_dir, experiment, options, dataset, group)
    rankings = rank_everyone(dataset, experiment, ranker.scorer, group, on_progress)
    if rankings is not None:
        ratings = load_ratings(experiment.data)[dataset.history_bounds(rankings.users, PHASE)[1]]
        result = measure_rankings(
            rankings,
            ratings,
            (groups[0].among(rankings.users), groups[1]),
            options,
            facts_of(run_dir, experiment, dataset, ranker),
            lambda step, steps: on_progress("draw", step, steps),
        )
        emit("done", path=str(write_result(run_dir, options, result)))


def facts_of(run_dir: Path, experiment: Experiment, dataset: Dataset, ranker: Ranker) -> dict[str, Any]:
    """Return the facts about run and data that the result records."""
    return {
        "run": run_dir.name,
        "experiment": experiment.name,
        "checkpoint": ranker.checkpoint,
        "checkpoint_epoch": ranker.epoch,
        "dataset": dataset.name,
        "split": experiment.data.split,
        "split_fingerprint": dataset.split_fingerprint,
    }


def make_ranker(
    run_dir: Path, experiment: Experiment, options: FairnessOptions, dataset: Dataset, group: ProcessGroup
) -> Ranker:
    """Return the run's model with the chosen checkpoint, or a baseline. A collective."""
    if options.ranker == "popularity":
        return Ranker(popularity_scorer(dataset))
    if options.ranker == "markov":
        return Ranker(markov_scorer(dataset, PHASE))
    checkpoints = EpochFiles(run_dir, experiment)
    path = checkpoints.resolve(options.pth)
    checkpoint = read_checkpoint(path)
    model = build_parallel(experiment, dataset.num_items, group)
    check_fits(checkpoint, path, model.state(), dataset)
    model.load(checkpoint.weights)
    model.objective.eval()
    scorer = ModelScorer(model, dataset, PHASE, experiment.model.max_len)
    return Ranker(scorer, checkpoints.shown(path), checkpoint.epoch)


def rank_everyone(
    dataset: Dataset, experiment: Experiment, scorer: Scorer, group: ProcessGroup, on_progress: OnProgress
) -> Rankings | None:
    """Return the lists of all evaluated users on rank 0, None elsewhere. A collective."""
    everyone = by_length(dataset, dataset.evaluated_users(PHASE))
    size, ranks = experiment.evaluation.test_batch_size, group.world_size
    mine = top_k_lists(
        dataset,
        Evaluator(dataset, ["full"], experiment.data.seed, experiment.evaluation.block_mb),
        scorer,
        everyone[group.rank :: ranks],
        PHASE,
        LIST_LENGTH,
        size,
        batches=batch_count(-(-len(everyone) // ranks), size),
        on_batch=lambda step, steps: on_progress("rank", step, steps),
    )
    parts = group.gather(mine)
    return in_user_order(parts) if parts else None


def write_result(run_dir: Path, options: FairnessOptions, result: dict[str, Any]) -> Path:
    """Write `fairness/<ranker>_<user groups>_<item groups>_<convention>.json` atomically. Raises OSError."""
    kinds = (result["user_groups"]["kind"], result["item_groups"]["kind"])
    folder = run_dir / run_folder.FAIRNESS
    folder.mkdir(mode=0o700, exist_ok=True)
    path = folder / f"{'_'.join((options.ranker, *kinds, options.convention))}.json"
    write_json(path, result)
    return path


def main(arguments: list[str] | None = None) -> None:
    """Measure as one rank."""
    parser = argparse.ArgumentParser(prog="python -m engine.programs.measure_fairness", allow_abbrev=False)
    parser.add_argument("run_dir", type=lambda text: Path(text).absolute(), help="run folder")
    add_options(parser)
    parsed = parser.parse_args(arguments)
    logging.basicConfig(format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    with failures_reported(to_stdout):
        measure_fairness(parsed.run_dir, options_of(parsed))


if __name__ == "__main__":
    main()
