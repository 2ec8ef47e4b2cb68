"""An epoch's savings written by a thread while the steps go on: for comparison only, the engine does it otherwise."""

from __future__ import annotations

from threading import Thread
from typing import Any

import torch.distributed as dist
from torch import Tensor
from torch.distributed._shard.sharded_tensor import Shard, ShardedTensor
from torch.distributed.checkpoint import save

from engine.runtime.checkpoints.resumable import ResumableCheckpoint
from engine.runtime.checkpoints.write_errors import OsErrorWriter
from engine.runtime.run import RunContext


class Behind:
    """Copies a run's state and writes the copy. Its collectives have a group of their own beside those of the steps."""

    def __init__(self, run: RunContext) -> None:
        self._run, self._last = run, ResumableCheckpoint(run.checkpoints.folder, run.group)
        self._own = dist.new_group(backend="gloo")

    def start(self) -> Thread:
        """Begin to write; join the thread. A collective."""
        weights = self._run.model.full_state()
        state = {name: _copied(tensor) for name, tensor in self._run.model.state_for_resume().items()}
        thread = Thread(target=self._write, args=(weights, state))
        thread.start()
        return thread

    def _write(self, weights: dict[str, Tensor], state: dict[str, Any]) -> None:
        run = self._run
        new = run.checkpoints.folder / ".behind"
        if run.group.is_first:
            run.checkpoints.save(0, weights, run.dataset)
            new.mkdir(exist_ok=True)
        dist.barrier(self._own)
        save(state, storage_writer=OsErrorWriter(new), process_group=self._own)


def _copied(tensor: Tensor | ShardedTensor) -> Tensor | ShardedTensor:
    if not isinstance(tensor, ShardedTensor):
        return tensor.detach().cpu().clone()
    shards = [Shard(shard.tensor.detach().cpu().clone(), shard.metadata) for shard in tensor.local_shards()]
    return ShardedTensor._init_from_local_shards_and_global_metadata(shards, tensor.metadata())
