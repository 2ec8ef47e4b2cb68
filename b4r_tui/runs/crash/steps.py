"""What to do next after each cause: concrete, with the keys to change and what they are now."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from b4r_tui.runs.crash.card import Cause
from b4r_tui.runs.crash.evidence import Evidence
from engine.contract.config.experiment import Experiment

_RUN = "RUN"


def next_steps(cause: Cause, evidence: Evidence) -> tuple[str, ...]:
    """Steps for a person, the most promising first."""
    steps = _STEPS[cause](evidence) if cause in _STEPS else []
    return (*steps, *([_resume(evidence)] if cause in _RESUMABLE else []))


def _less_memory(evidence: Evidence) -> list[str]:
    experiment = evidence.experiment
    if experiment is None or experiment.launch.script:
        return ["give the machine or the job more memory, or let launch.script use less"]
    return [
        *_smaller(experiment),
        "give the machine, container or job more memory; `b4r-tui doctor FILE` estimates what a run takes",
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
        steps.append('set launch.mode = "dmp": then ranks share the item table instead of copying it')
    if launch.processes > 1:
        steps.append(f'use fewer ranks on this machine: launch.j is "{launch.j}"')
    return steps


def _less_gpu_memory(evidence: Evidence) -> list[str]:
    steps = _smaller(evidence.experiment) if evidence.experiment else []
    return [
        *steps,
        "look whether another program holds the GPU: `nvidia-smi`",
        "or train on CPU: launch.gpu = 0",
    ]


def _more_shared_memory(evidence: Evidence) -> list[str]:
    return [
        "make /dev/shm larger: `mount -o remount,size=8G /dev/shm`, or `docker run --shm-size=8g`",
        "look what fills it: `ls -l /dev/shm`; files of programs that have ended may be deleted",
    ]


def _make_room(evidence: Evidence) -> list[str]:
    experiment = evidence.experiment
    root = experiment.training.export_root if experiment else None
    where = root or evidence.places.get("root", "the runs root")
    keep = experiment.training.keep_checkpoints if experiment else 0
    steps = [f"make room where {where} lies: `df -h {where}`"]
    if not keep:
        steps.append(
            "next time keep fewer checkpoints: training.keep_checkpoints = 1 (now 0, which keeps all)"
        )
    return [*steps, "or write elsewhere: training.export_root, or --runs DIR"]


def _calmer(evidence: Evidence) -> list[str]:
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


def _mend_data(evidence: Evidence) -> list[str]:
    data = evidence.experiment.data if evidence.experiment else None
    place = Path(data.dataset_path).name if data and data.dataset_path else "the data"
    steps = [f"mend what the sentence names in {place}, or data.dataset_path"]
    if data and data.dataset_name in ("ml-100k", "ml-1m", "ml-20m"):
        steps.append(f"or fetch it anew: `b4r-tui fetch {data.dataset_name}`")
    return steps


def _other_port(evidence: Evidence) -> list[str]:
    return [
        "see who holds the port: `ss -ltnp`; end it if it is a leftover",
        "remove MASTER_PORT from launch.env or the shell: without it a free port is chosen",
    ]


def _meet(evidence: Evidence) -> list[str]:
    return [
        "look whether all nodes started, and reach each other: a firewall, or a wrong host name (logs/launcher.log)",
        "of several networks, name one: launch.env.GLOO_SOCKET_IFNAME and launch.env.NCCL_SOCKET_IFNAME",
    ]


def _reinstall(evidence: Evidence) -> list[str]:
    return [
        "`b4r-tui doctor` imports torch, torchrec and FBGEMM and says which one does not load",
        "install the program anew in an environment of its own (`make demo`), and look at launch.env",
    ]


def _who_did(evidence: Evidence) -> list[str]:
    return [
        "ask who or what ended it: a person, a batch system's limit, a container that was stopped (`journalctl`)"
    ]


def _native(evidence: Evidence) -> list[str]:
    return [
        'look into the rank\'s log; `launch.env.PYTHONFAULTHANDLER = "1"` makes it show where it was',
        "`b4r-tui doctor` shows whether torch, torchrec and FBGEMM fit together",
    ]


def _more_time(evidence: Evidence) -> list[str]:
    limit = evidence.experiment.launch.time_limit if evidence.experiment else None
    now = f" (now {limit:g} minutes)" if limit else ""
    return [f"raise launch.time_limit{now} in the experiments file for the next launch"]


def _read_log(evidence: Evidence) -> list[str]:
    rank = "" if evidence.rank is None else f" --rank {evidence.rank}"
    return [f"read its log: `b4r-tui --tail {evidence.places.get('id', _RUN)}{rank} --no-follow --lines 200`"]


def _settings(evidence: Evidence) -> list[str]:
    return ["mend what the sentence names in the experiments file, then launch it again"]


def _lost(evidence: Evidence) -> list[str]:
    return ["look whether the machine restarted (`uptime`) or ran out of memory (`dmesg`)"]


def _resume(evidence: Evidence) -> str:
    return f"then go on where it was saved last: `b4r-tui resume {evidence.places.get('id', _RUN)}`"


_STEPS: dict[Cause, Callable[[Evidence], list[str]]] = {
    Cause.OUT_OF_MEMORY: _less_memory,
    Cause.OUT_OF_GPU_MEMORY: _less_gpu_memory,
    Cause.SHARED_MEMORY: _more_shared_memory,
    Cause.DISK_FULL: _make_room,
    Cause.NO_NUMBER: _calmer,
    Cause.DATA: _mend_data,
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
