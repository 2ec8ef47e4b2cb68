"""What every part of a training or evaluation process works with: settings, folder, device, group and reports."""

from __future__ import annotations

from dataclasses import dataclass

from engine.contract.config.experiment import Experiment
from engine.data.dataset import Dataset
from engine.distributed.parallel_model import ParallelModel
from engine.distributed.process_group import Group
from engine.evaluation.measure import Measure
from engine.runtime.checkpoints.epoch_files import Checkpoints
from engine.runtime.report import Reporter


@dataclass(frozen=True)
class Run:
    """What a run is made of, as every part of it needs."""

    experiment: Experiment
    dataset: Dataset
    model: ParallelModel
    measure: Measure
    checkpoints: Checkpoints
    report: Reporter
    group: Group
