"""Settings of launches on several machines: hosts, Slurm, TorchX.

Values that end up on a command line or in a batch script are restricted to letters, digits and a few other
characters, so that nothing in an experiments file can become a command.
"""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import Field, field_validator

from engine.contract.config.base import SettingsGroup, refuse
from engine.contract.config.validation import nearest

SCHEDULERS = ("local", "slurm")
TORCHX_PATTERN = re.compile(r"torchx:[a-z][a-z0-9_]{0,49}")
HOST_PATTERN = re.compile(r"(?:[A-Za-z0-9_][A-Za-z0-9._-]{0,63}@)?[A-Za-z0-9][A-Za-z0-9.:_-]{0,252}")
ELASTIC_RESTARTS = 3  # default of launch.max_restarts for an elastic run
_WORD = r"[A-Za-z0-9][A-Za-z0-9_.,:&|*()\[\]+=@/-]{0,199}"
_FLAG = re.compile(rf"--([a-z][a-z0-9-]*)(?:=({_WORD}))?")
OUR_FLAGS = (
    *("array", "chdir", "error", "export", "input", "job-name", "nodes", "no-requeue", "ntasks"),
    *("ntasks-per-node", "open-mode", "output", "parsable", "requeue", "signal", "test-only", "time", "wait"),
    "wrap",
)

Word = Annotated[str, Field(max_length=200)]


class SlurmConfig(SettingsGroup):
    """What a Slurm job requests besides its nodes; the cluster's defaults apply to what is not set."""

    partition: Word | None = Field(None, description="Partition, or several separated by commas")
    account: Word | None = Field(None, description="Billing account")
    qos: Word | None = Field(None, description="Quality of service")
    constraint: Word | None = Field(None, description="Required node features")
    gres: Word | None = Field(
        None, description="Generic resources per node, e.g. gpu:a100:4; default launch.gpu GPUs"
    )
    cpus_per_task: int | None = Field(
        None, ge=1, le=4096, description="CPU cores per node; default processes × launch.threads"
    )
    mem: str | None = Field(None, description="Memory per node, e.g. 16G")
    modules: list[Word] = Field([], description="Environment modules to load first")
    extra: list[Word] = Field([], description="Extra sbatch flags, e.g. --exclusive or --nice=100")

    @field_validator("partition", "account", "qos", "constraint", "gres")
    @classmethod
    def _one_word(cls, value: str | None) -> str | None:
        return None if value is None else _word(value)

    @field_validator("modules")
    @classmethod
    def _words(cls, values: list[str]) -> list[str]:
        return [_word(value) for value in values]

    @field_validator("mem")
    @classmethod
    def _size(cls, mem: str | None) -> str | None:
        if mem is not None and not re.fullmatch(r"[0-9]{1,12}[KMGT]?", mem):
            refuse(f"{mem!r} is not a valid size; write a number with K, M, G or T, e.g. 16G")
        return mem

    @field_validator("extra")
    @classmethod
    def _flags(cls, flags: list[str]) -> list[str]:
        for flag in flags:
            match = _FLAG.fullmatch(flag)
            if not match:
                refuse(f"{flag!r} is not a valid sbatch flag; write --name or --name=value, without spaces")
            if match[1] in OUR_FLAGS:
                refuse(f"--{match[1]} is set by the launcher; use the launch settings instead")
        return flags


class TorchXConfig(SettingsGroup):
    """What a TorchX job requests besides its nodes."""

    image: str | None = Field(None, description="Container image, if the scheduler uses containers")
    mounts: list[str] = Field(
        [], description="Mounts in TorchX syntax, one part per entry: type=bind, src=…, dst=…"
    )
    cpu: int = Field(2, ge=1, le=4096, description="CPU cores per node")
    memory_mb: int = Field(1024, ge=1, description="Memory per node in MB")
    options: dict[str, str | int | bool] = Field(
        {}, description="Scheduler options, as listed by `torchx runopts`"
    )


def check_scheduler(scheduler: str) -> str:
    """Return the scheduler if it is valid."""
    if scheduler in SCHEDULERS or TORCHX_PATTERN.fullmatch(scheduler):
        return scheduler
    hint = nearest(scheduler, [*SCHEDULERS, "torchx:local_cwd"])
    fix = hint if hint.startswith("did you mean") else "use local, slurm or torchx:NAME"
    refuse(f"{scheduler!r} is not a valid scheduler; {fix}")


def check_hosts(hosts: list[str] | None) -> list[str] | None:
    """Return the hosts if they are distinct names or addresses, each optionally with a user."""
    for host in hosts or []:
        if not HOST_PATTERN.fullmatch(host):
            refuse(f"{host!r} is not a valid host; write a name or address, e.g. node1 or me@node1")
    if hosts and len(set(hosts)) < len(hosts):
        refuse("a host is listed twice; list each once")
    return hosts


def _word(value: str) -> str:
    if not re.fullmatch(_WORD, value):
        refuse(f"{value!r} has characters that are not allowed here; use letters, digits and _.,:-")
    return value
