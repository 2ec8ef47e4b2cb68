"""The slots of a run: the CPU threads and GPUs of this machine that it takes; a run on a cluster takes none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import tomli

from b4r_tui.runs.queue.gpus import Gpu
from engine.contract import run_folder

LOCAL = "local"


@dataclass(frozen=True, kw_only=True)
class Needs:
    """What a run asks for. threads: per rank, None for a share; gpus: None for one per rank if there are enough.

    memory_gb: per GPU. visible: the GPUs that its shell named, None for all. is_remote: another scheduler provides the
    machine, this one starts only the supervisor.
    """

    ranks: int = 1
    threads: int | None = None
    gpus: int | None = None
    memory_gb: float | None = None
    visible: tuple[str, ...] | None = None
    is_remote: bool = False


@dataclass(frozen=True)
class Slots:
    """The slots a run is given. gpus: their names for CUDA_VISIBLE_DEVICES."""

    cpus: int = 0
    gpus: tuple[str, ...] = ()


@dataclass
class Machine:
    """The machine's slots, in all and free now. cpus: threads that runs may take together."""

    cpus: int
    gpus: tuple[Gpu, ...] = ()
    free_cpus: int = field(default=-1)
    free_gpus: list[Gpu] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.free_cpus = self.cpus if self.free_cpus < 0 else self.free_cpus
        self.free_gpus = self.free_gpus or list(self.gpus)

    def take(self, slots: Slots) -> None:
        """Count these as taken; what is free may become negative, e.g. after a limit was lowered."""
        self.free_cpus -= slots.cpus
        self.free_gpus = [gpu for gpu in self.free_gpus if gpu.name not in slots.gpus]

    def cpus_for(self, needs: Needs) -> int:
        """Return the CPU threads the run takes: as set, at most all; else its share by GPUs, or all where it has none.

        Ranks without launch.threads divide exactly these (`supervision.torchrun`).
        """
        if needs.is_remote:
            return 0
        if needs.threads is not None:
            return min(self.cpus, needs.threads * needs.ranks)
        gpus = self.gpus_for(needs)
        return min(self.cpus, max(needs.ranks, self.cpus * gpus // len(self.gpus))) if gpus else self.cpus

    def usable_gpus(self, needs: Needs) -> list[str]:
        """Return the names of the free GPUs that the run may see and that have the memory for a rank."""
        return [
            gpu.name for gpu in self.free_gpus if _is_visible(gpu, needs) and gpu.has_memory(needs.memory_gb)
        ]

    def gpus_for(self, needs: Needs) -> int:
        """Return the number of GPUs the run takes, at most all."""
        if needs.is_remote:
            return 0
        visible = sum(_is_visible(gpu, needs) for gpu in self.gpus)
        if needs.gpus is None:
            return needs.ranks if visible >= needs.ranks else 0
        return min(needs.gpus, visible)

    def fit(self, needs: Needs) -> tuple[Slots | None, str]:
        """Return the slots the run can have now, or None and what it waits for."""
        cpus, gpus = self.cpus_for(needs), self.gpus_for(needs)
        usable = self.usable_gpus(needs)
        if gpus > len(usable):
            return None, f"waits for {gpus} GPU{'s' if gpus > 1 else ''}"
        if cpus > self.free_cpus:
            return None, f"waits for {cpus} CPU thread{'s' if cpus > 1 else ''}"
        return Slots(cpus, tuple(usable[:gpus])), ""

    def reserve(self, needs: Needs) -> None:
        """Reserve what an earlier run waits for, so that later ones do not take it."""
        self.take(Slots(self.cpus_for(needs), tuple(self.usable_gpus(needs)[: self.gpus_for(needs)])))


def _is_visible(gpu: Gpu, needs: Needs) -> bool:
    return needs.visible is None or gpu.name in needs.visible


def read_needs(run_dir: Path, env: Mapping[str, str]) -> Needs:
    """Return what the run's frozen launch settings ask for; an unreadable run fails by itself once it is started.

    env: variables of its shell.
    """
    try:
        launch = tomli.loads((run_dir / run_folder.CONFIG).read_text())["launch"]
        return needs_of(launch, env.get("CUDA_VISIBLE_DEVICES"))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return Needs(threads=1, gpus=0)


def needs_of(launch: dict[str, Any], visible: str | None = None) -> Needs:
    """Return what a launch asks for. launch: the table of `config.toml`. visible: CUDA_VISIBLE_DEVICES if set."""
    gpu = launch.get("gpu", "auto")
    nodes, _, ranks = str(launch.get("j", "1x1")).rpartition("x")
    return Needs(
        ranks=int(ranks),
        threads=launch.get("threads"),
        gpus=None if gpu == "auto" else int(gpu),
        memory_gb=launch.get("memory_gb"),
        visible=None if visible is None else tuple(name.strip() for name in visible.split(",")),
        is_remote=launch.get("scheduler", LOCAL) != LOCAL or int(nodes.rpartition(":")[2]) > 1,
    )
