"""Settings of the launch: where and how torchrun starts the ranks."""

from __future__ import annotations

import re
from typing import Literal

from pydantic import Field, field_validator, model_validator

from engine.contract.config.base import SettingsGroup, refuse
from engine.contract.config.clusters import (
    ELASTIC_RESTARTS,
    SlurmConfig,
    TorchXConfig,
    check_hosts,
    check_scheduler,
)

JOB_PATTERN = re.compile(r"(?:([1-9][0-9]{0,3}):)?([1-9][0-9]{0,3})x([1-9][0-9]{0,3})")


class LaunchConfig(SettingsGroup):
    """Where and how torchrun starts the ranks."""

    mode: Literal["ddp", "dmp"] = Field(
        "ddp", description="ddp: the model is replicated; dmp: the item table is sharded over ranks"
    )
    scheduler: str = Field(
        "local",
        description="What starts the processes: local (this machine, or `hosts` via ssh), slurm, or torchx:NAME",
    )
    j: str = Field(
        "1x1",
        description="[MIN:]NODESxPROCESSES, with processes per node; with MIN, training continues if nodes are lost",
    )
    hosts: list[str] | None = Field(
        None,
        min_length=1,
        description="Hosts of a local launch on several nodes; the first is the rendezvous host",
    )
    rdzv_port: int | None = Field(
        None,
        ge=1024,
        le=65535,
        description="Rendezvous port for several nodes; default: derived from the run's id",
    )
    max_restarts: int | None = Field(
        None,
        ge=0,
        le=1000,
        description="Restarts from the last checkpoint on several nodes; default 3 if j has a minimum, else 0",
    )
    slurm: SlurmConfig | None = Field(None, description="Slurm job options")
    torchx: TorchXConfig | None = Field(None, description="TorchX job options")
    gpu: int | Literal["auto"] = Field(
        "auto",
        description="GPUs per node: a number, 0 for CPU, `auto` for one per process if available",
    )
    script: str | None = Field(
        None, description="Python file to run instead of engine.train, with the run folder as its argument"
    )
    threads: int | None = Field(
        None, ge=1, le=1024, description="CPU threads per rank; default cores / ranks"
    )
    env: dict[str, str] = Field({}, description="Environment variables of the ranks")
    time_limit: float | None = Field(None, gt=0.0, description="Time limit of the run in minutes")
    sharding: Literal["auto", "row_wise", "table_wise", "column_wise"] = Field(
        "auto", description="How dmp shards the item table; `auto` lets TorchRec's planner choose"
    )
    memory_gb: float | None = Field(
        None,
        gt=0.0,
        description="Memory limit per rank in GB for dmp's sharding plan: weights, gradients and optimiser states; "
        "default: its share of the machine",
    )

    trackers: list[Literal["tensorboard", "mlflow"]] = Field(
        [],
        description="Trackers (`tensorboard`, `mlflow`) that record the run live; each needs the extra of its name",
    )
    tracking_uri: str | None = Field(
        None, description="MLflow store or server; default .mlflow/mlflow.db in the runs root"
    )

    @field_validator("j")
    @classmethod
    def _job_shape(cls, j: str) -> str:
        match = JOB_PATTERN.fullmatch(j)
        if not match:
            refuse("launch.j must be NODESxPROCESSES, e.g. 1x2")
        if match[1] and int(match[1]) > int(match[2]):
            refuse(
                f"the minimum of '{j}' is above its {match[2]} nodes; write MIN:NODESxPROCESSES, e.g. 1:2x4"
            )
        return j

    @field_validator("gpu")
    @classmethod
    def _gpu_count(cls, gpu: int | str) -> int | str:
        if isinstance(gpu, int) and gpu < 0:
            refuse(f"{gpu} is negative; use 0 for CPU")
        return gpu

    @field_validator("scheduler")
    @classmethod
    def _known_scheduler(cls, scheduler: str) -> str:
        return check_scheduler(scheduler)

    @field_validator("hosts")
    @classmethod
    def _safe_hosts(cls, hosts: list[str] | None) -> list[str] | None:
        return check_hosts(hosts)

    @model_validator(mode="after")
    def _check_combinations(self) -> LaunchConfig:
        _check_nodes(self)
        _check_scheduler_tables(self)
        _check_gpus(self)
        if self.max_restarts and self.nodes == 1:
            refuse(
                f"needs several nodes, but j = {self.j}; remove it, or use more nodes", "launch.max_restarts"
            )
        return self

    @property
    def processes(self) -> int:
        """Ranks on each node."""
        return self._shape[2]

    @property
    def nodes(self) -> int:
        """Number of nodes; the maximum for an elastic launch."""
        return self._shape[1]

    @property
    def min_nodes(self) -> int:
        """Minimum number of nodes; all of them if the launch is not elastic."""
        return self._shape[0]

    @property
    def is_local(self) -> bool:
        """Whether all ranks run on this machine, so that they take slots of the local queue."""
        return self.scheduler == "local" and self.nodes == 1

    @property
    def ranks(self) -> int:
        """Ranks on all nodes."""
        return self.nodes * self.processes

    @property
    def restarts(self) -> int:
        """Maximum number of restarts by torchrun."""
        if self.max_restarts is None:
            return ELASTIC_RESTARTS if self.min_nodes < self.nodes else 0
        return self.max_restarts

    @property
    def _shape(self) -> tuple[int, int, int]:
        match = JOB_PATTERN.fullmatch(self.j)
        assert match is not None
        return int(match[1] or match[2]), int(match[2]), int(match[3])


def _check_nodes(launch: LaunchConfig) -> None:
    if launch.scheduler != "local":
        if launch.hosts:
            refuse(f"{launch.scheduler} assigns the nodes itself; remove the hosts", "launch.hosts")
    elif launch.nodes > 1 and len(launch.hosts or []) != launch.nodes:
        listed = f"{len(launch.hosts)} are listed" if launch.hosts else "none is listed"
        refuse(
            f"{launch.j} needs {launch.nodes} hosts, but {listed}; list {launch.nodes}, or use scheduler slurm",
            "launch.hosts",
        )
    elif launch.nodes == 1 and launch.hosts:
        refuse(
            f"{launch.j} is one node, which is this machine; remove the hosts, or write j = "
            f'"{len(launch.hosts)}x{launch.processes}"',
            "launch.hosts",
        )
    if launch.rdzv_port is not None and launch.nodes == 1:
        refuse(f"{launch.j} is one node, which needs no rendezvous; remove it", "launch.rdzv_port")


def _check_scheduler_tables(launch: LaunchConfig) -> None:
    for name, scheduler in (("slurm", "slurm"), ("torchx", "torchx:")):
        if getattr(launch, name) is not None and not launch.scheduler.startswith(scheduler):
            refuse(
                f'has no effect with scheduler = "{launch.scheduler}"; remove it, or use {scheduler}',
                f"launch.{name}",
            )


def _check_gpus(launch: LaunchConfig) -> None:
    if launch.slurm and launch.slurm.gres and launch.gpu == 0 and launch.slurm.gres.startswith("gpu"):
        refuse("requests GPUs that launch.gpu = 0 leaves unused; change one of them", "launch.slurm.gres")
    if isinstance(launch.gpu, int) and 0 < launch.gpu < launch.processes and launch.scheduler != "local":
        refuse(
            f"{launch.processes} processes per node need one GPU each, not {launch.gpu}; change gpu or j",
            "launch.gpu",
        )
