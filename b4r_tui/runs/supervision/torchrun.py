"""How torchrun is called for a run: its command line and its environment."""

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
    "MALLOC_MMAP_THRESHOLD_": str(32 << 20),  # the most that glibc takes
    "MALLOC_TRIM_THRESHOLD_": str(4 << 30),
}


def command(run: Run, launch: LaunchConfig) -> list[str]:
    """The command line that trains a run on this machine."""
    return program(launch, _trainer(run, launch))


def program(launch: LaunchConfig, arguments: list[str]) -> list[str]:
    """The command line that starts the ranks of a program of Python's on this machine. arguments: as Python's."""
    return [
        *(sys.executable, "-m", "torch.distributed.run", "--standalone", "--nnodes=1"),
        f"--nproc-per-node={launch.processes}",
        *arguments,
    ]


def node_command(
    run: Run, launch: LaunchConfig, endpoint: str, rdzv_id: str, is_host: bool | None
) -> list[str]:
    """The command line that trains a run on this node and others.

    endpoint: host:port where they meet. is_host: whether that is this node; None lets torchrun find out.
    """
    conf = [] if is_host is None else [f"is_host={int(is_host)}"]
    call = os.environ.get("B4R_LAST_CALL")  # seconds that an elastic run waits for more nodes than it needs
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
    """The environment of the ranks: ours, what the launch settings ask for, and who they belong to.

    Waiting threads spin for some microseconds only and then sleep (GOMP_SPINCOUNT): where ranks or other programs
    share the cores, spinning ones keep those that have work from it, and a small model trains several times slower;
    those that sleep at once wake too late for the next of many short steps. Memory of
    large tensors comes in huge pages and is kept for the next step (THP_…, MALLOC_…, in bytes): giving it back and
    getting it again, zeroed a small page at a time, takes as long as some of the work.
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
    """What each rank runs, as Python's arguments."""
    return [*([launch.script] if launch.script else ["-m", "engine.train"]), str(run.dir)]
