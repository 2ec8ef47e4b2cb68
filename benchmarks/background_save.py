"""Writes an epoch's checkpoints in a thread while training continues: for comparison only, as the engine pauses."""

from __future__ import annotations

from threading import Thread
from typing import Any

import torch.distributed as dist
from torch import Tensor
from torch.distributed._shard.sharded_tensor import Shard, ShardedTensor
from torch.distributed.checkpoint import save

from engine.runtime.checkpoints.write_errors import OsErrorWriter
from engine.runtime.run import RunContext


class BackgroundSave:
    """Copies a run's state and writes the copy in a thread, whose collectives use a separate process group."""

    def __init__(self, run: RunContext) -> None:
        self._run, self._save_group = run, dist.new_group(backend="gloo")

    def start(self) -> Thread:
        """Start writing; the caller joins the thread. A collective."""
        weights = self._run.model.full_state()
        state = {name: _copy(tensor) for name, tensor in self._run.model.state_for_resume().items()}
        thread = Thread(target=self._write, args=(weights, state))
        thread.start()
        return thread

    def _write(self, weights: dict[str, Tensor], state: dict[str, Any]) -> None:
        run = self._run
        folder = run.checkpoints.folder / ".background"
        if run.group.is_first:
            run.checkpoints.save(0, weights, run.dataset)
            folder.mkdir(exist_ok=True)
        dist.barrier(self._save_group)
        save(state, storage_writer=OsErrorWriter(folder), process_group=self._save_group)


def _copy(tensor: Tensor | ShardedTensor) -> Tensor | ShardedTensor:
    if not isinstance(tensor, ShardedTensor):
        return tensor.detach().cpu().clone()
    shards = [Shard(shard.tensor.detach().cpu().clone(), shard.metadata) for shard in tensor.local_shards()]
    return ShardedTensor._init_from_local_shards_and_global_metadata(shards, tensor.metadata())
