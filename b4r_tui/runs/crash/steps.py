"""Suggests what to do after each cause: concrete steps, with the keys to change and their values now."""

from __future__ import annotations

import re
from collections.abc import Callable

from b4r_tui.runs.crash.card import Cause
from b4r_tui.runs.crash.evidence import Evidence
from engine.contract.config.experiment import Experiment

_RUN = "RUN"
_FILE_AND_LINE = re.compile(r"(?:data\.\w+: )?(.+?):(\d+): ")


def next_steps(cause: Cause, evidence: Evidence) -> tuple[str, ...]:
    """Return the steps, the most promising first."""
    steps = _STEPS[cause](evidence) if cause in _STEPS else []
    return (*steps, *([_resume(evidence)] if cause in _RESUMABLE else []))


def _less_memory(evidence: Evidence) -> list[str]:
    experiment = evidence.experiment
    if experiment is None or experiment.launch.script:
        return ["give the machine or the job more memory, or make launch.script use less"]
    return [
        *_smaller(experiment),
        "give the machine, container or job more memory; `b4r-tui doctor FILE` estimates what a run needs",
    ]


def _smaller(experiment: Experiment) -> list[str]:
    batch, launch = experiment.training.train_batch_size, experiment.launch
    steps = []
    if batch > 1:
        steps.append(f"lower training.train_batch_size from {batch} to {batch // 2}")
    steps.append(
        f"lower model.max_len ({experiment.model.max_len}) or model.emb_dim ({experiment.model.emb_dim})"
    )
    if launch.mode == "ddp" and launch.processes > 1:
        steps.append('set launch.mode = "dmp", which shards the item table instead of replicating it')
    if launch.processes > 1:
        steps.append(f'use fewer ranks on this machine: launch.j is "{launch.j}"')
    return steps


def _less_gpu_memory(evidence: Evidence) -> list[str]:
    steps = _smaller(evidence.experiment) if evidence.experiment else []
    return [
        *steps,
        "check whether another program uses the GPU: `nvidia-smi`",
        "or train on the CPU: launch.gpu = 0",
    ]


def _more_shared_memory(evidence: Evidence) -> list[str]:
    return [
        "make /dev/shm larger: `mount -o remount,size=8G /dev/shm`, or `docker run --shm-size=8g`",
        "see what fills it: `ls -l /dev/shm`; delete the files of programs that have ended",
    ]


def _free_space(evidence: Evidence) -> list[str]:
    experiment = evidence.experiment
    root = experiment.training.export_root if experiment else None
    where = root or evidence.places.get("root", "the runs root")
    keep = experiment.training.keep_checkpoints if experiment else 0
    steps = [f"free space on the disk of {where}: `df -h {where}`"]
    if not keep:
        steps.append(
            "keep fewer checkpoints next time: training.keep_checkpoints = 1 (now 0, which keeps all)"
        )
    return [*steps, "or write to another disk: training.export_root, or --runs DIR"]


def _stabilise(evidence: Evidence) -> list[str]:
    experiment = evidence.experiment
    if experiment is None:
        return ["lower the learning rate"]
    training = experiment.training
    steps = [f"lower training.lr from {training.lr:g} to {training.lr / 10:g}"]
    if training.grad_clip is None:
        steps.append("set training.grad_clip = 1.0")
    if not training.warmup_steps:
        steps.append("set training.warmup_steps = 500")
    if training.precision != "fp32":
        steps.append(f'set training.precision = "fp32" (now "{training.precision}")')
    return steps


def _fix_data(evidence: Evidence) -> list[str]:
    data = evidence.experiment.data if evidence.experiment else None
    place = data.dataset_path if data and data.dataset_path else "the data"
    steps = [f"fix {_faulty_line(evidence) or place}, or change data.dataset_path"]
    if data and data.dataset_name in ("ml-100k", "ml-1m", "ml-20m"):
        steps.append(f"or download it again: `b4r-tui fetch {data.dataset_name}`")
    return steps


def _faulty_line(evidence: Evidence) -> str | None:
    """Return the file and line that the error begins with, None where it names none."""
    match = _FILE_AND_LINE.match(evidence.error or "")
    return f"{match[1]} line {match[2]}" if match else None


def _other_port(evidence: Evidence) -> list[str]:
    return [
        "find the process that uses the port: `ss -ltnp`; end it if it is a leftover",
        "unset MASTER_PORT in launch.env or the shell, so that a free port is chosen",
    ]


def _meet(evidence: Evidence) -> list[str]:
    return [
        "check that all nodes started and can reach each other: firewall, host names (see logs/launcher.log)",
        "with several networks, choose one: launch.env.GLOO_SOCKET_IFNAME and launch.env.NCCL_SOCKET_IFNAME",
    ]


def _reinstall(evidence: Evidence) -> list[str]:
    return [
        "run `b4r-tui doctor`: it imports torch, torchrec and FBGEMM and reports which one fails",
        "reinstall b4r-tui in a fresh virtual environment (`make demo`), and check launch.env",
    ]


def _who_did(evidence: Evidence) -> list[str]:
    return ["find out what killed it: a user, a job-scheduler limit, a stopped container (`journalctl`)"]


def _native(evidence: Evidence) -> list[str]:
    return [
        'read the rank\'s log; with `launch.env.PYTHONFAULTHANDLER = "1"` it shows where it crashed',
        "run `b4r-tui doctor` to check that torch, torchrec and FBGEMM are compatible",
    ]


def _more_time(evidence: Evidence) -> list[str]:
    limit = evidence.experiment.launch.time_limit if evidence.experiment else None
    now = f" (now {limit:g} minutes)" if limit else ""
    return [f"raise launch.time_limit{now} in the experiments file for the next launch"]


def _read_log(evidence: Evidence) -> list[str]:
    rank = "" if evidence.rank is None else f" --rank {evidence.rank}"
    return [f"read its log: `b4r-tui --tail {evidence.places.get('id', _RUN)}{rank} --no-follow --lines 200`"]


def _settings(evidence: Evidence) -> list[str]:
    return ["fix the setting named above in the experiments file, then launch again"]


def _lost(evidence: Evidence) -> list[str]:
    return ["check whether the machine restarted (`uptime`) or ran out of memory (`dmesg`)"]


def _resume(evidence: Evidence) -> str:
    return f"then resume from the last checkpoint: press R, or `b4r-tui resume {evidence.places.get('id', _RUN)}`"


_STEPS: dict[Cause, Callable[[Evidence], list[str]]] = {
    Cause.OUT_OF_MEMORY: _less_memory,
    Cause.OUT_OF_GPU_MEMORY: _less_gpu_memory,
    Cause.SHARED_MEMORY: _more_shared_memory,
    Cause.DISK_FULL: _free_space,
    Cause.NO_NUMBER: _stabilise,
    Cause.DATA: _fix_data,
    Cause.SETTINGS: _settings,
    Cause.RENDEZVOUS: _meet,
    Cause.PORT_TAKEN: _other_port,
    Cause.ENVIRONMENT: _reinstall,
    Cause.NATIVE_CRASH: _native,
    Cause.KILLED: _who_did,
    Cause.TIME_LIMIT: _more_time,
    Cause.SUPERVISOR_LOST: _lost,
    Cause.EXCEPTION: _read_log,
    Cause.UNKNOWN: _read_log,
}
_RESUMABLE = {
    Cause.SHARED_MEMORY,
    Cause.DISK_FULL,
    Cause.RENDEZVOUS,
    Cause.PORT_TAKEN,
    Cause.KILLED,
    Cause.TIME_LIMIT,
    Cause.SUPERVISOR_LOST,
    Cause.NATIVE_CRASH,
}
