"""Settings of the launch: where torchrun starts which processes."""

from __future__ import annotations

import re
from typing import Literal

from pydantic import Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

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
        "ddp", description="ddp: every rank holds the model; dmp: the item table is sharded over ranks"
    )
    scheduler: str = Field(
        "local",
        description="Who starts the processes: local (this machine, or `hosts` through ssh), slurm, or torchx:NAME",
    )
    j: str = Field(
        "1x1",
        description="[min:]nodes x processes a node, as torchrun counts them; with min, lost nodes are done without",
    )
    hosts: list[str] | None = Field(
        None,
        min_length=1,
        description="Hosts of a local launch on several nodes; the first is the rendezvous",
    )
    rdzv_port: int | None = Field(
        None,
        ge=1024,
        le=65535,
        description="Port of the rendezvous of several nodes; default by the run's id",
    )
    max_restarts: int | None = Field(
        None,
        ge=0,
        le=1000,
        description="Restarts of several nodes from the last checkpoint; default 3 where j has a min, else 0",
    )
    slurm: SlurmConfig | None = Field(None, description="What the Slurm job asks for")
    torchx: TorchXConfig | None = Field(None, description="What TorchX is told")
    gpu: int | Literal["auto"] = Field(
        "auto",
        description="GPUs to use on a node: a count, 0 for CPU, `auto` for one a process if there are any",
    )
    script: str | None = Field(
        None, description="Python file to start instead of engine.train; gets the run folder as its argument"
    )
    threads: int | None = Field(None, ge=1, le=1024, description="CPU threads a rank; default cores / ranks")
    env: dict[str, str] = Field({}, description="Environment variables of the ranks")
    time_limit: float | None = Field(None, gt=0.0, description="Minutes after which the run is stopped")
    sharding: Literal["auto", "row_wise", "table_wise", "column_wise"] = Field(
        "auto", description="How dmp cuts the item table; `auto` lets TorchRec's planner choose"
    )
    memory_gb: float | None = Field(
        None,
        gt=0.0,
        description="Memory of a rank in GB that dmp's plan must fit: weights, gradients and optimiser states; "
        "default its share of the machine",
    )

    trackers: list[Literal["tensorboard", "mlflow"]] = Field(
        [],
        description="Trackers (`tensorboard`, `mlflow`) that get the run's numbers while it runs; they need the extras "
        "of these names",
    )
    tracking_uri: str | None = Field(
        None, description="MLflow's store or server; default .mlflow/mlflow.db in the runs root"
    )

    @field_validator("j")
    @classmethod
    def _job_shape(cls, j: str) -> str:
        match = JOB_PATTERN.fullmatch(j)
        if not match:
            raise PydanticCustomError(
                "setting", f"'{j}' is not a job size; write nodes x processes, such as 1x2"
            )
        if match[1] and int(match[1]) > int(match[2]):
            raise PydanticCustomError(
                "setting", f"'{j}' asks for at least {match[1]} of {match[2]} nodes; write the smaller first"
            )
        return j

    @field_validator("gpu")
    @classmethod
    def _gpu_count(cls, gpu: int | str) -> int | str:
        if isinstance(gpu, int) and gpu < 0:
            raise PydanticCustomError("setting", f"{gpu} GPUs cannot be; use 0 for CPU")
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
    def _fits_together(self) -> LaunchConfig:
        _check_nodes(self)
        _check_schedulers_tables(self)
        _check_gpus(self)
        if self.max_restarts and self.nodes == 1:
            refuse("launch.max_restarts", f"{self.j} has no node to lose; remove it, or use more nodes")
        return self

    @property
    def processes(self) -> int:
        """Ranks on each node."""
        return self._shape[2]

    @property
    def nodes(self) -> int:
        """Nodes, or the most of an elastic launch."""
        return self._shape[1]

    @property
    def min_nodes(self) -> int:
        """Nodes without which an elastic launch cannot go on; all of them where it is not elastic."""
        return self._shape[0]

    @property
    def is_local(self) -> bool:
        """Whether all ranks run on this machine, so that the local queue gives them their slots."""
        return self.scheduler == "local" and self.nodes == 1

    @property
    def ranks(self) -> int:
        """Ranks on all nodes."""
        return self.nodes * self.processes

    @property
    def restarts(self) -> int:
        """Restarts of the ranks that torchrun may try."""
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
            refuse("launch.hosts", f"{launch.scheduler} finds its nodes itself; remove the hosts")
    elif launch.nodes > 1 and len(launch.hosts or []) != launch.nodes:
        found = f"names {len(launch.hosts)}" if launch.hosts else "is not set"
        refuse(
            "launch.hosts",
            f"{launch.j} runs on {launch.nodes} hosts, but the list {found}; name {launch.nodes}, "
            "or use scheduler slurm",
        )
    elif launch.nodes == 1 and launch.hosts:
        refuse(
            "launch.hosts",
            f"{launch.j} is one node, which is this machine; remove the hosts, or write j = "
            f'"{len(launch.hosts)}x{launch.processes}"',
        )
    if launch.rdzv_port is not None and launch.nodes == 1:
        refuse("launch.rdzv_port", f"{launch.j} is one node, which needs no rendezvous; remove it")


def _check_schedulers_tables(launch: LaunchConfig) -> None:
    for name, scheduler in (("slurm", "slurm"), ("torchx", "torchx:")):
        if getattr(launch, name) is not None and not launch.scheduler.startswith(scheduler):
            refuse(
                f"launch.{name}",
                f'does nothing with scheduler = "{launch.scheduler}"; remove it, or use {scheduler}',
            )


def _check_gpus(launch: LaunchConfig) -> None:
    if launch.slurm and launch.slurm.gres and launch.gpu == 0 and launch.slurm.gres.startswith("gpu"):
        refuse("launch.slurm.gres", "asks for GPUs that launch.gpu = 0 leaves unused; change one of them")
    if isinstance(launch.gpu, int) and 0 < launch.gpu < launch.processes and launch.scheduler != "local":
        refuse("launch.gpu", f"{launch.processes} processes a node need a GPU each, not {launch.gpu}; mend j")
