"""The folder `checkpoints/last`, from which a run resumes.

All ranks write a new folder, which then replaces the old one. torch.distributed.checkpoint writes each rank's own
shards, which any number of ranks can read; `state.json` next to them holds plain facts. Its index is a pickle,
which is read without running code.
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
from engine.distributed.process_group import ProcessGroup
from engine.distributed.sharded_tensors import StateDict
from engine.runtime.checkpoints.safe_reader import SafeReader
from engine.runtime.checkpoints.write_errors import OsErrorWriter, write_error, write_errors_as_b4r


class ResumableCheckpoint:
    """The folder `last`. A complete checkpoint exists at every moment, whatever is killed."""

    def __init__(self, folder: Path, group: ProcessGroup) -> None:
        self.path, self._group = folder / run_folder.RESUMABLE, group
        self._new, self._old = folder / ".last.new", folder / ".last.old"

    def save(self, state: StateDict, facts: dict[str, Any]) -> None:
        """Replace it by `state` and `facts` (JSON). A collective. Raises B4RError if it cannot be written."""
        if self._group.is_first:
            with write_errors_as_b4r(self._new):
                shutil.rmtree(self._new, ignore_errors=True)
                self._new.mkdir(parents=True)
        self._group.broadcast(None)  # wait until the folder exists
        try:
            save(state, storage_writer=OsErrorWriter(self._new))
        except CheckpointException as error:
            raise write_error(self._new, _cause(error)) from None
        if self._group.is_first:
            with write_errors_as_b4r(self._new):
                write_json(self._new / run_folder.RESUMABLE_STATE, facts)
                self._replace()

    def facts(self) -> dict[str, Any] | None:
        """Return the facts saved last, or None if nothing was saved. A collective.

        Finishes a replacement that a kill interrupted.
        """
        facts = None
        if self._group.is_first:
            if not self.path.exists() and self._old.exists():
                self._old.rename(self.path)
            shutil.rmtree(self._new, ignore_errors=True)
            facts = read_json(self.path / run_folder.RESUMABLE_STATE)
        return self._group.broadcast(facts)

    def load_into(self, state: StateDict) -> list[str]:
        """Load the tensors of `state` in place; return the names of those not saved in that size. A collective."""
        reader = SafeReader(self.path)
        # only tensors are saved, whose metadata always has a size
        saved = {name: entry.size for name, entry in reader.read_metadata().state_dict_metadata.items()}  # type: ignore[union-attr]
        known = {name: tensor for name, tensor in state.items() if saved.get(name) == tensor.size()}
        try:
            load(known, storage_reader=reader)
        except CheckpointException as error:
            cause = " ".join(str(_cause(error)).split())
            raise B4RError(f"{self.path}: {cause}; delete it to restart from scratch") from None
        return sorted(state.keys() - known.keys())

    def _replace(self) -> None:
        """Replace the old folder by two renames; between them `facts` finds the old one under its other name."""
        _sync_folder(self._new)
        if self.path.exists():
            shutil.rmtree(self._old, ignore_errors=True)
            self.path.rename(self._old)
        self._new.rename(self.path)
        _sync_folder(self.path.parent)
        shutil.rmtree(self._old, ignore_errors=True)


def _cause(error: CheckpointException) -> Exception:
    """Return the error of the first rank that failed."""
    cause = next(iter(error.failures.values()))[0]
    assert isinstance(cause, Exception)
    return cause


def _sync_folder(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
