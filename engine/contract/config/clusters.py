"""Settings of launches on more than one machine: hosts, Slurm, TorchX, and which of them go together. Torch-free.

Values that end up on a command line or in a batch script are held to letters, digits and a few signs, so that
nothing in an experiments file can become a command.
"""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import Field, field_validator
from pydantic_core import PydanticCustomError

from engine.contract.config.base import SettingsGroup
from engine.contract.config.validation import nearest

SCHEDULERS = ("local", "slurm")
TORCHX_PATTERN = re.compile(r"torchx:[a-z][a-z0-9_]{0,49}")
HOST_PATTERN = re.compile(r"(?:[A-Za-z0-9_][A-Za-z0-9._-]{0,63}@)?[A-Za-z0-9][A-Za-z0-9.:_-]{0,252}")
ELASTIC_RESTARTS = 3  # of an elastic run, where launch.max_restarts says nothing
_WORD = r"[A-Za-z0-9][A-Za-z0-9_.,:&|*()\[\]+=@/-]{0,199}"
_FLAG = re.compile(rf"--([a-z][a-z0-9-]*)(?:=({_WORD}))?")
OUR_FLAGS = (
    *("array", "chdir", "error", "export", "input", "job-name", "nodes", "no-requeue", "ntasks"),
    *("ntasks-per-node", "open-mode", "output", "parsable", "requeue", "signal", "test-only", "time", "wait"),
    "wrap",
)

Word = Annotated[str, Field(max_length=200)]


class SlurmConfig(SettingsGroup):
    """What a Slurm job asks for besides its nodes; what is not set is left to the cluster."""

    partition: Word | None = Field(None, description="Partition, or several with commas")
    account: Word | None = Field(None, description="Account that pays")
    qos: Word | None = Field(None, description="Quality of service")
    constraint: Word | None = Field(None, description="Features that the nodes must have")
    gres: Word | None = Field(
        None, description="Generic resources a node, such as gpu:a100:4; default launch.gpu GPUs"
    )
    cpus_per_task: int | None = Field(
        None, ge=1, le=4096, description="CPU cores a node; default processes × launch.threads"
    )
    mem: str | None = Field(None, description="Memory a node, such as 16G")
    modules: list[Word] = Field([], description="Environment modules to load first")
    extra: list[Word] = Field([], description="More flags of sbatch, such as --exclusive or --nice=100")

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
            raise PydanticCustomError("setting", f"{mem!r} is no size; write a number and K, M, G or T")
        return mem

    @field_validator("extra")
    @classmethod
    def _flags(cls, flags: list[str]) -> list[str]:
        for flag in flags:
            match = _FLAG.fullmatch(flag)
            if not match:
                raise PydanticCustomError(
                    "setting", f"{flag!r} is no flag of sbatch; write --name or --name=value, without spaces"
                )
            if match[1] in OUR_FLAGS:
                raise PydanticCustomError(
                    "setting", f"--{match[1]} is set by the launcher; use the launch settings instead"
                )
        return flags


class TorchXConfig(SettingsGroup):
    """What TorchX is told of a job besides its nodes."""

    image: str | None = Field(None, description="Image of the containers, where the scheduler has any")
    mounts: list[str] = Field(
        [], description="Mounts as TorchX writes them, one part each: type=bind, src=…, dst=…"
    )
    cpu: int = Field(2, ge=1, le=4096, description="CPU cores a node")
    memory_mb: int = Field(1024, ge=1, description="Memory a node in MB")
    options: dict[str, str | int | bool] = Field(
        {}, description="Options of the scheduler, as `torchx runopts` lists them"
    )


def check_scheduler(scheduler: str) -> str:
    """The scheduler, if there is one of that name."""
    if scheduler in SCHEDULERS or TORCHX_PATTERN.fullmatch(scheduler):
        return scheduler
    hint = nearest(scheduler, [*SCHEDULERS, "torchx:local_cwd"])
    known = hint if hint.startswith("did you mean") else "use local, slurm or torchx:NAME"
    raise PydanticCustomError("setting", f"{scheduler!r} is no scheduler; {known}")


def check_hosts(hosts: list[str] | None) -> list[str] | None:
    """The hosts, each once and each a name or address, with a user before it or not."""
    for host in hosts or []:
        if not HOST_PATTERN.fullmatch(host):
            raise PydanticCustomError(
                "setting", f"{host!r} is no host; write a name or address, such as node1 or me@node1"
            )
    if hosts and len(set(hosts)) < len(hosts):
        raise PydanticCustomError("setting", "a host is listed twice; list each once")
    return hosts


def _word(value: str) -> str:
    if not re.fullmatch(_WORD, value):
        raise PydanticCustomError(
            "setting", f"{value!r} has signs that Slurm's names have not; use letters, digits and _.,:-"
        )
    return value
