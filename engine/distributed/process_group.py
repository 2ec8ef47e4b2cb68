"""The process group: this process's rank and device, and small collectives on plain Python values."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist

from engine.contract.errors import B4RError, ExitCode


@dataclass(frozen=True)
class ProcessGroup:
    """The ranks of a run, seen from one of them. Collectives must be called by all ranks alike."""

    rank: int
    local_rank: int
    world_size: int
    device: torch.device

    @property
    def local_world_size(self) -> int:
        """Ranks on this machine."""
        return int(os.environ.get("LOCAL_WORLD_SIZE", self.world_size))

    @property
    def is_first(self) -> bool:
        """Whether this is rank 0, the one that reports."""
        return self.rank == 0

    def sum(self, numbers: list[float]) -> list[float]:
        """Return the element-wise sum over ranks, in float64."""
        if self.world_size == 1:
            return numbers
        total = torch.tensor(numbers, dtype=torch.float64)
        dist.all_reduce(total)
        return total.tolist()

    def gather(self, value: Any) -> list[Any]:
        """Return every rank's value, in rank order, on rank 0; an empty list elsewhere."""
        if self.world_size == 1:
            return [value]
        gathered: list[Any] | None = [None] * self.world_size if self.is_first else None
        dist.gather_object(value, gathered)
        return gathered or []

    def all_gather(self, value: Any) -> list[Any]:
        """Return every rank's value, in rank order, on every rank."""
        return self.broadcast(self.gather(value))

    def broadcast(self, value: Any) -> Any:
        """Return rank 0's value on every rank."""
        box = [value]
        if self.world_size > 1:
            dist.broadcast_object_list(box)
        return box[0]

    @contextmanager
    def first_goes_first(self) -> Iterator[None]:
        """Run the block on rank 0 before the others, so that it fills the cache that they read."""
        if not self.is_first:
            dist.barrier()
        yield
        if self.is_first and self.world_size > 1:
            dist.barrier()


@contextmanager
def process_group(gpus: int | str = "auto") -> Iterator[ProcessGroup]:
    """Join the ranks that torchrun started, or a group of one without torchrun, and leave it at the end.

    Tensors on CPU travel through gloo, those on a GPU through nccl. Build models in a function called in the
    block, so that they are freed at its end. Raises B4RError if fewer GPUs are available than requested.
    """
    rank, world_size = int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))
    local_rank = int(os.environ.get("LOCAL_RANK", 0))
    device = _device(local_rank, int(os.environ.get("LOCAL_WORLD_SIZE", 1)), gpus)
    store = None if "RANK" in os.environ else dist.HashStore()
    backend = "cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo"
    dist.init_process_group(backend, store=store, rank=rank, world_size=world_size)
    try:
        yield ProcessGroup(rank, local_rank, world_size, device)
    finally:
        # A DDP model that outlives the group destroys it while it holds the interpreter's lock, and waits forever
        # for gloo's thread, which needs that lock. So models must be out of scope here, and cycles freed.
        gc.collect()
        dist.destroy_process_group()


def _device(local_rank: int, local_world_size: int, gpus: int | str) -> torch.device:
    available = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if gpus == 0 or (gpus == "auto" and available < local_world_size):
        return torch.device("cpu")
    if available < local_world_size or (isinstance(gpus, int) and gpus < local_world_size):
        raise B4RError(
            f"launch.gpu: {local_world_size} processes need one GPU each, but {min(available, int(gpus))} can be "
            "used; lower launch.j or set launch.gpu = 0",
            ExitCode.ENVIRONMENT,
        )
    torch.cuda.set_device(local_rank)
    return torch.device("cuda", local_rank)
