"""Writes the batch script of a run: the resources of the job, and the agent that srun starts on each of its nodes.

Everything in it comes from checked settings or is quoted.
"""

from __future__ import annotations

import math
import shlex
import sys
from collections.abc import Iterator

from b4r_tui.runs.store import Run
from b4r_tui.runs.supervision.backends.interface import grace_seconds, rendezvous_port
from engine.contract.config.clusters import SlurmConfig
from engine.contract.config.launch import LaunchConfig

TERM_SECONDS = 60  # before the time limit the ranks get SIGTERM, so that they save


def script(run: Run, launch: LaunchConfig) -> str:
    """Return the text of the batch script."""
    slurm = launch.slurm or SlurmConfig()
    elastic = " --no-kill" if launch.min_nodes < launch.nodes else ""
    lines = ["#!/bin/bash", *(f"#SBATCH {flag}" for flag in flags(run, launch)), ""]
    lines += [f"module load {shlex.join(slurm.modules)}"] if slurm.modules else []
    lines += [
        "# torchrun's agents meet on the first node, where this script runs",
        "head=$(hostname)",
        f"exec srun --ntasks-per-node=1 --cpus-per-task={_cores(launch)} --kill-on-bad-exit=0{elastic} \\",
        f"  {_agent(run, launch)}",
    ]
    return "\n".join(lines) + "\n"


def flags(run: Run, launch: LaunchConfig) -> Iterator[str]:
    """Yield the flags of sbatch for the script."""
    slurm = launch.slurm or SlurmConfig()
    elastic = launch.min_nodes < launch.nodes
    yield f"--job-name=b4r-{run.experiment}"
    yield f"--nodes={launch.min_nodes}-{launch.nodes}" if elastic else f"--nodes={launch.nodes}"
    yield "--ntasks-per-node=1"
    yield f"--cpus-per-task={_cores(launch)}"
    yield "--output=logs/launcher.log"
    yield "--open-mode=append"
    yield "--requeue"
    yield f"--signal=TERM@{TERM_SECONDS}"
    if elastic:
        yield "--no-kill"
    if launch.time_limit:
        yield f"--time={math.ceil(launch.time_limit) + TERM_SECONDS // 60}"
    if isinstance(launch.gpu, int) and launch.gpu and not slurm.gres:
        yield f"--gres=gpu:{launch.gpu}"
    for name in ("partition", "account", "qos", "constraint", "gres", "mem"):
        if value := getattr(slurm, name):
            yield f"--{name}={value}"
    yield from slurm.extra


def _agent(run: Run, launch: LaunchConfig) -> str:
    words = [sys.executable, "-m", "b4r_tui.runs.supervision.backends.agent", str(run.dir)]
    words += ["--port", str(rendezvous_port(launch, run.run_id)), "--grace", str(grace_seconds())]
    return f'{shlex.join(words)} --head "$head" --id "$SLURM_JOB_ID.${{SLURM_RESTART_COUNT:-0}}"'


def _cores(launch: LaunchConfig) -> int:
    """Return the CPU cores per node, which has one task: the agent with all its ranks."""
    slurm = launch.slurm or SlurmConfig()
    return slurm.cpus_per_task or launch.processes * (launch.threads or 1)
