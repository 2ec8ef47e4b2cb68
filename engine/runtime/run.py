"""The context of a training or evaluation process: settings, data, model, folder, group and reports."""

from __future__ import annotations

from dataclasses import dataclass

from engine.contract.config.experiment import Experiment
from engine.data.dataset import Dataset
from engine.distributed.parallel_model import ParallelModel
from engine.distributed.process_group import ProcessGroup
from engine.evaluation.measure import Measure
from engine.runtime.checkpoints.epoch_files import EpochFiles
from engine.runtime.report import Reporter


@dataclass(frozen=True)
class RunContext:
    """What every part of a run needs."""

    experiment: Experiment
    dataset: Dataset
    model: ParallelModel
    measure: Measure
    checkpoints: EpochFiles
    report: Reporter
    group: ProcessGroup
