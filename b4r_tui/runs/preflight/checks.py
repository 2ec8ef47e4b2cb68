"""The checks of a pre-flight: what may go wrong with one experiment on this machine now."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

from b4r_tui.common.machine import cpu_cores, gpus_for
from b4r_tui.experiments.checks import problems_here
from b4r_tui.runs.ownership import check_root
from b4r_tui.runs.preflight import capacity
from b4r_tui.runs.preflight.check import Check, in_gb
from engine.contract.config.experiment import Experiment
from engine.contract.errors import B4RError, ExitCode
from engine.contract.resource_estimate import Estimate, estimate, known_size

FACTOR = 2  # by which an estimate may be off; only more than that stops a launch
SHARED_MEMORY = 64 << 20  # bytes; the default of containers, enough for gloo
_MB = 1 << 20


def check_launch(experiment: Experiment, root: Path) -> Iterator[Check]:
    """Yield everything that is wrong or doubtful with a run of `experiment` in the runs root."""
    for problem in problems_here(experiment):
        yield Check(problem.key, problem.sentence, problem.code)
    yield from _root(root)
    here = experiment.launch.is_local  # the scheduler knows what other machines have
    if here:
        yield from _ports(experiment)
    if experiment.launch.script:  # its needs are unknown
        return
    size = known_size(experiment)
    if size is not None:
        expected = estimate(experiment, size)
        if here:
            yield from _memory(experiment, expected, capacity.memory())
        yield from _disk(experiment, expected, Path(experiment.training.export_root or root))
        yield from _batch(experiment, size.users)
    if here:
        yield from _cores(experiment)
        yield from _shared_memory(experiment)


def _root(root: Path) -> Iterator[Check]:
    try:
        check_root(root)
    except B4RError as error:
        yield Check("--runs", error.sentence, ExitCode.ENVIRONMENT)
        return
    folder = root.absolute()
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    if not os.access(folder, os.W_OK | os.X_OK) or not folder.is_dir():
        yield Check(
            "--runs",
            f"runs cannot be written in {folder}; choose another folder with --runs",
            ExitCode.ENVIRONMENT,
        )


def _memory(experiment: Experiment, expected: Estimate, memory: capacity.Capacity) -> Iterator[Check]:
    """Check main memory; on GPUs ranks need little of it, so it is not checked."""
    ranks = experiment.launch.processes
    if gpus_for(experiment.launch):
        return
    wanted, surely = ranks * expected.memory, ranks * expected.state
    needs = f"{ranks} x {in_gb(expected.memory)} of memory needed (estimate)"
    fix = "lower training.train_batch_size, model.emb_dim, model.max_len or launch.j"
    if surely > memory.total or wanted > FACTOR * memory.total:
        yield Check(
            "launch.j", f"{needs}, but the machine has {in_gb(memory.total)}; {fix}", ExitCode.ENVIRONMENT
        )
    elif wanted > memory.free:
        yield Check(
            "launch.j", f"{needs}, but only {in_gb(memory.free)} is free now; {fix}, or close other programs"
        )


def _disk(experiment: Experiment, expected: Estimate, place: Path) -> Iterator[Check]:
    free = capacity.disk(place)
    if free is None:
        return
    kept = experiment.training.keep_checkpoints
    files = min(kept + 1, experiment.training.num_epochs) if kept else experiment.training.num_epochs
    least = expected.checkpoint + 2 * expected.last  # a new `last` is written before the old one goes
    wanted = least + (files - 1) * expected.checkpoint
    available = f"only {in_gb(free)} is free on the disk of {place}"
    if least > free:
        yield Check(
            "training.export_root",
            f"a checkpoint and `last` take {in_gb(least)}, but {available}; free some space or choose another folder",
            ExitCode.ENVIRONMENT,
        )
    elif wanted > free:
        yield Check(
            "training.keep_checkpoints",
            f"{files} checkpoints take {in_gb(wanted)}, but {available}; set training.keep_checkpoints = 1",
        )


def _batch(experiment: Experiment, users: int) -> Iterator[Check]:
    """Warn of a step larger than an epoch; long histories become several sequences, so this is an estimate."""
    ranks, training = experiment.launch.ranks, experiment.training
    step, samples = training.train_batch_size * ranks, users * training.dupe_factor
    if ranks > 1 and step > 2 * samples:
        yield Check(
            "training.train_batch_size",
            f"a step takes {step:,} sequences over all ranks, but an epoch has about {samples:,}, so some ranks "
            "would be idle; lower it or launch.j",
        )


def _cores(experiment: Experiment) -> Iterator[Check]:
    launch = experiment.launch
    if not gpus_for(launch) and launch.processes > cpu_cores():
        yield Check(
            "launch.j",
            f"{launch.processes} processes would compete for {cpu_cores()} CPU cores; use fewer",
        )


def _shared_memory(experiment: Experiment) -> Iterator[Check]:
    place = Path("/dev/shm")
    free = capacity.disk(place) if place.is_dir() else None
    if experiment.launch.processes > 1 and free is not None and free < SHARED_MEMORY:
        yield Check(
            "launch.j",
            f"only {free // _MB} MB of shared memory is free in /dev/shm, so ranks may fail; clean it up or enlarge it "
            "(docker run --shm-size=1g)",
        )


def _ports(experiment: Experiment) -> Iterator[Check]:
    try:
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            listener.listen(1)
    except OSError as error:
        yield Check(
            "launch.j",
            f"cannot open a port on this machine ({error.strerror or error}), "
            "which the rendezvous of ranks needs; see `ss -s`",
            ExitCode.ENVIRONMENT,
        )
