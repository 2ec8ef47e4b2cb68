"""Builds torchrun's command line and environment for a run."""

from __future__ import annotations

import os
import sys

from b4r_tui.common.machine import cpu_cores, gpu_names, gpus_for
from b4r_tui.runs.crash.evidence import ERROR_FILE
from b4r_tui.runs.processes import RUN_ID_VARIABLE
from b4r_tui.runs.store import Run
from engine.contract import run_folder
from engine.contract.config.launch import LaunchConfig

DEFAULTS = {
    "GOMP_SPINCOUNT": "1000",
    "THP_MEM_ALLOC_ENABLE": "1",
    "MALLOC_MMAP_THRESHOLD_": str(32 << 20),  # the maximum of glibc
    "MALLOC_TRIM_THRESHOLD_": str(4 << 30),
}


def command(run: Run, launch: LaunchConfig) -> list[str]:
    """Return the command line that trains a run on this machine."""
    return program(launch, _trainer(run, launch))


def program(launch: LaunchConfig, arguments: list[str]) -> list[str]:
    """Return the command line that starts a Python program on all ranks of this machine. arguments: of Python."""
    return [
        *(sys.executable, "-m", "torch.distributed.run", "--standalone", "--nnodes=1"),
        f"--nproc-per-node={launch.processes}",
        *arguments,
    ]


def node_command(
    run: Run, launch: LaunchConfig, endpoint: str, rdzv_id: str, is_host: bool | None
) -> list[str]:
    """Return the command line that trains a run on this node as one of several.

    endpoint: host:port of the rendezvous. is_host: whether that is this node; None lets torchrun find out.
    """
    conf = [] if is_host is None else [f"is_host={int(is_host)}"]
    call = os.environ.get(
        "B4R_LAST_CALL"
    )  # seconds that an elastic run waits for more than its minimum of nodes
    conf += [f"last_call_timeout={int(call)}"] if call else []
    return [
        *(sys.executable, "-m", "torch.distributed.run", f"--nnodes={launch.min_nodes}:{launch.nodes}"),
        f"--nproc-per-node={launch.processes}",
        *("--rdzv-backend=c10d", f"--rdzv-endpoint={endpoint}", f"--rdzv-id={rdzv_id}"),
        *([f"--rdzv-conf={','.join(conf)}"] if conf else []),
        f"--max-restarts={launch.restarts}",
        *_trainer(run, launch),
    ]


def environment(run: Run, launch: LaunchConfig) -> dict[str, str]:
    """Return the environment of the ranks: this process's, the launch settings, and the run's id and folder.

    Waiting threads spin for some microseconds and then sleep (GOMP_SPINCOUNT): where ranks or other programs share the
    cores, spinning threads take them from working ones, and a small model trains several times slower; threads that
    sleep at once wake too late for the next of many short steps. Memory of large tensors comes in huge pages and is
    retained for the next step (THP_…, MALLOC_…, in bytes): releasing and allocating it again, zeroed page by page,
    takes a noticeable part of a step.
    """
    threads = launch.threads or max(1, cpu_cores() // launch.processes)
    return {
        **DEFAULTS,
        **os.environ,
        "OMP_NUM_THREADS": str(threads),
        "PYTHONUNBUFFERED": "1",
        "CUDA_VISIBLE_DEVICES": ",".join(gpu_names()[: gpus_for(launch)]),
        **launch.env,
        RUN_ID_VARIABLE: run.run_id,
        "B4R_RUN_DIR": str(run.dir),
        "TORCHELASTIC_ERROR_FILE": str(run.dir / run_folder.LOGS / ERROR_FILE),
    }


def _trainer(run: Run, launch: LaunchConfig) -> list[str]:
    """Return what each rank runs, as arguments of Python."""
    return [*([launch.script] if launch.script else ["-m", "engine.train"]), str(run.dir)]
