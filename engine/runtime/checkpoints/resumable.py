"""The folder `checkpoints/last`, from which a run goes on: written aside by all ranks, then put in place.

Sharded tensors are written by torch.distributed.checkpoint, each rank its own shards, and read again by any number
of ranks; `state.json` beside them holds plain facts. Its index is a pickle, of which only plain
data are believed.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

from torch.distributed.checkpoint import load, save
from torch.distributed.checkpoint.api import CheckpointException

from engine.contract import run_folder
from engine.contract.atomic_files import read_json, write_json
from engine.contract.errors import B4RError
from engine.distributed.process_group import Group
from engine.distributed.sharded_tensors import StateDict
from engine.runtime.checkpoints.safe_reader import SafeReader
from engine.runtime.checkpoints.write_errors import Writer, unwritable, writing


class LastCheckpoint:
    """`last` in a folder of checkpoints. At every moment the newest whole one can be found, whatever is killed."""

    def __init__(self, folder: Path, group: Group) -> None:
        self.path, self._group = folder / run_folder.RESUMABLE, group
        self._new, self._old = folder / ".last.new", folder / ".last.old"

    def save(self, state: StateDict, facts: dict[str, Any]) -> None:
        """Replace it by `state` and `facts` (JSON). A collective. Raises B4RError where it can't be written."""
        if self._group.is_first:
            with writing(self._new):
                shutil.rmtree(self._new, ignore_errors=True)
                self._new.mkdir(parents=True)
        self._group.broadcast(None)  # the folder is there
        try:
            save(state, storage_writer=Writer(self._new))
        except CheckpointException as error:
            raise unwritable(self._new, _cause(error)) from None
        if self._group.is_first:
            with writing(self._new):
                write_json(self._new / run_folder.RESUMABLE_STATE, facts)
                self._put_in_place()

    def facts(self) -> dict[str, Any] | None:
        """The facts saved last, None where nothing was ever saved. A collective; mends what a kill left undone."""
        found = None
        if self._group.is_first:
            if not self.path.exists() and self._old.exists():
                self._old.rename(self.path)
            shutil.rmtree(self._new, ignore_errors=True)
            found = read_json(self.path / run_folder.RESUMABLE_STATE)
        return self._group.broadcast(found)

    def load_into(self, state: StateDict) -> list[str]:
        """Fill the tensors of `state`; the names of those it does not hold in that size. A collective."""
        reader = SafeReader(self.path)
        found = {name: entry.size for name, entry in reader.read_metadata().state_dict_metadata.items()}  # type: ignore[union-attr]
        known = {name: tensor for name, tensor in state.items() if found.get(name) == tensor.size()}
        try:
            load(known, storage_reader=reader)
        except CheckpointException as error:
            cause = " ".join(str(_cause(error)).split())
            raise B4RError(f"{self.path}: {cause}; delete it to begin anew") from None
        return sorted(state.keys() - known.keys())

    def _put_in_place(self) -> None:
        """Two renames: between them the earlier one is found under its other name."""
        _sync_folder(self._new)
        if self.path.exists():
            shutil.rmtree(self._old, ignore_errors=True)
            self.path.rename(self._old)
        self._new.rename(self.path)
        _sync_folder(self.path.parent)
        shutil.rmtree(self._old, ignore_errors=True)


def _cause(error: CheckpointException) -> Exception:
    """What went wrong on the first rank where something did."""
    cause = next(iter(error.failures.values()))[0]
    assert isinstance(cause, Exception)
    return cause


def _sync_folder(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
