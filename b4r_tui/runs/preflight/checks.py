"""The questions of a pre-flight, each to one experiment on this machine now."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

from b4r_tui.common.machine import cpu_cores, gpus_for
from b4r_tui.experiments.checks import problems_here
from b4r_tui.runs.ownership import check_root
from b4r_tui.runs.preflight import capacity
from b4r_tui.runs.preflight.finding import Finding, in_gb
from engine.contract.config.experiment import Experiment
from engine.contract.errors import B4RError, ExitCode
from engine.contract.resource_estimate import Estimate, estimate, known_size

FACTOR = 2  # by which an estimate may be wrong, so that only more than this stops a launch
SHARED_MEMORY = 64 << 20  # bytes, what containers get by default and gloo can do with
_MB = 1 << 20


def findings(experiment: Experiment, root: Path) -> Iterator[Finding]:
    """All that is wrong or doubtful with a run of `experiment` in the runs root."""
    for problem in problems_here(experiment):
        yield Finding(problem.key, problem.sentence, problem.code)
    yield from _root(root)
    here = experiment.launch.is_local  # what other machines have, their scheduler knows
    if here:
        yield from _ports(experiment)
    if experiment.launch.script:  # nobody knows what it needs
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


def _root(root: Path) -> Iterator[Finding]:
    try:
        check_root(root)
    except B4RError as error:
        yield Finding("--runs", error.sentence, ExitCode.ENVIRONMENT)
        return
    folder = root.absolute()
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    if not os.access(folder, os.W_OK | os.X_OK) or not folder.is_dir():
        yield Finding(
            "--runs",
            f"no run can be written in {folder}; choose another folder with --runs",
            ExitCode.ENVIRONMENT,
        )


def _memory(experiment: Experiment, expected: Estimate, there: capacity.Room) -> Iterator[Finding]:
    """Of main memory; on GPUs only what the ranks need besides, which is little, so nothing is asked."""
    ranks = experiment.launch.processes
    if gpus_for(experiment.launch):
        return
    wanted, surely = ranks * expected.memory, ranks * expected.state
    needs = f"{ranks} x {in_gb(expected.memory)} of memory are needed, as estimated"
    mend = "lower training.train_batch_size, model.emb_dim, model.max_len or launch.j"
    if surely > there.total or wanted > FACTOR * there.total:
        yield Finding(
            "launch.j", f"{needs}, but there are {in_gb(there.total)} in all; {mend}", ExitCode.ENVIRONMENT
        )
    elif wanted > there.free:
        yield Finding(
            "launch.j", f"{needs}, but only {in_gb(there.free)} are free now; {mend}, or end other programs"
        )


def _disk(experiment: Experiment, expected: Estimate, place: Path) -> Iterator[Finding]:
    free = capacity.disk(place)
    if free is None:
        return
    kept = experiment.training.keep_checkpoints
    files = min(kept + 1, experiment.training.num_epochs) if kept else experiment.training.num_epochs
    least = expected.checkpoint + 2 * expected.last  # a new `last` is written before the old one goes
    wanted = least + (files - 1) * expected.checkpoint
    told = f"{in_gb(free)} are free where {place} lies"
    if least > free:
        yield Finding(
            "training.export_root",
            f"a checkpoint and `last` take {in_gb(least)}, but {told}; make room, or choose another folder",
            ExitCode.ENVIRONMENT,
        )
    elif wanted > free:
        yield Finding(
            "training.keep_checkpoints",
            f"{files} checkpoints take {in_gb(wanted)}, but {told}; keep fewer, such as training.keep_checkpoints = 1",
        )


def _batch(experiment: Experiment, users: int) -> Iterator[Finding]:
    """A step that is larger than an epoch; long histories are cut into several sequences, so this is a guess."""
    ranks, training = experiment.launch.ranks, experiment.training
    step, samples = training.train_batch_size * ranks, users * training.dupe_factor
    if ranks > 1 and step > 2 * samples:
        yield Finding(
            "training.train_batch_size",
            f"a step takes {step:,} sequences on all ranks together, an epoch has about {samples:,}; some ranks would "
            "have nothing to do, so lower it or launch.j",
        )


def _cores(experiment: Experiment) -> Iterator[Finding]:
    launch = experiment.launch
    if not gpus_for(launch) and launch.processes > cpu_cores():
        yield Finding(
            "launch.j",
            f"{launch.processes} processes share {cpu_cores()} CPU cores and wait for each other; use fewer",
        )


def _shared_memory(experiment: Experiment) -> Iterator[Finding]:
    place = Path("/dev/shm")
    free = capacity.disk(place) if place.is_dir() else None
    if experiment.launch.processes > 1 and free is not None and free < SHARED_MEMORY:
        yield Finding(
            "launch.j",
            f"only {free // _MB} MB of shared memory are free in /dev/shm, ranks may fail; empty or enlarge it "
            "(docker run --shm-size=1g)",
        )


def _ports(experiment: Experiment) -> Iterator[Finding]:
    try:
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            listener.listen(1)
    except OSError as error:
        yield Finding(
            "launch.j",
            f"no port can be opened on this machine ({error.strerror or error}), ranks could not meet; see `ss -s`",
            ExitCode.ENVIRONMENT,
        )
