"""Caches prepared data sets as memory-mapped arrays, one folder each, shared by all ranks and runs.

A folder appears atomically: it is written under another name and renamed. Its checksums are verified at each read,
so that a damaged folder is rebuilt.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import tempfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import platformdirs

from engine.contract.errors import B4RError, ExitCode
from engine.data.dataset import Dataset, FunnelStep

LAYOUT = 3  # raise it whenever the files of a folder or their contents change
_ARRAYS = ("items", "offsets", "validation_starts", "test_starts", "user_ids", "item_ids")
_BLOCK_BYTES = 1 << 20
_TEXTS = ("name", "data_fingerprint", "split_fingerprint")


def default_root() -> Path:
    """Return $B4R_CACHE, or the user's cache folder."""
    return Path(os.environ.get("B4R_CACHE") or platformdirs.user_cache_path("b4r-tui"))


def cached(root: Path, key: str, build: Callable[[], Dataset]) -> Dataset:
    """Return the data set cached under `key`, building it first if it is missing or damaged.

    Concurrent processes wait for the first of them to build. Raises B4RError if the cache cannot be written, and
    whatever `build` raises.
    """
    folder = root / f"{key}-v{LAYOUT}"
    dataset = _read(folder)
    if dataset is not None:
        return dataset
    try:
        root.mkdir(parents=True, exist_ok=True)
        with _only_builder(root / f"{folder.name}.lock"):
            return _read(folder) or _build(folder, build)
    except OSError as error:
        raise B4RError(
            f"{root}: the data cache cannot be written ({error.strerror or error}); "
            "set B4R_CACHE to a writable folder",
            ExitCode.ENVIRONMENT,
        ) from error


@contextmanager
def _only_builder(lock: Path) -> Iterator[None]:
    with lock.open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # released when the file is closed, or the process dies
        yield


def _build(folder: Path, build: Callable[[], Dataset]) -> Dataset:
    """Build, write and publish a data set, and read it back. Only one process may call it at a time."""
    unfinished = f".{folder.name}-"
    for leftover in [folder, *folder.parent.glob(f"{unfinished}*")]:
        shutil.rmtree(leftover, ignore_errors=True)
    temporary = Path(tempfile.mkdtemp(prefix=unfinished, dir=folder.parent))
    try:
        _write(temporary, build())
        return _publish(temporary, folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _publish(temporary: Path, folder: Path) -> Dataset:
    """Rename to `folder`; if file locks do not work across hosts and another host was first, use its folder."""
    refused: OSError | None = None
    try:
        temporary.rename(folder)
    except OSError as error:
        refused = error
    dataset = _read(folder)
    if dataset is None:
        raise refused or OSError(f"{folder.name} was damaged while it was written")
    return dataset


def _write(folder: Path, dataset: Dataset) -> None:
    for name in _ARRAYS:
        np.save(folder / f"{name}.npy", getattr(dataset, name), allow_pickle=False)
    facts = {
        **{name: getattr(dataset, name) for name in _TEXTS},
        "funnel": [asdict(step) for step in dataset.funnel],
        "checksums": _checksums(folder),
    }
    (folder / "facts.json").write_text(json.dumps(facts), encoding="utf-8")


def _read(folder: Path) -> Dataset | None:
    """Return the data set of a folder, its arrays mapped read-only; None if it is missing or damaged."""
    try:
        facts = json.loads((folder / "facts.json").read_text(encoding="utf-8"))
        if facts["checksums"] != _checksums(folder):
            return None
        arrays: dict[str, Any] = {
            name: np.asarray(np.load(folder / f"{name}.npy", mmap_mode="r")) for name in _ARRAYS
        }
        return Dataset(
            **arrays,
            **{name: facts[name] for name in _TEXTS},
            funnel=tuple(FunnelStep(**step) for step in facts["funnel"]),
        )
    except (OSError, ValueError, EOFError, KeyError, TypeError, AttributeError):
        return None


def _checksums(folder: Path) -> dict[str, int]:
    return {name: _checksum(folder / f"{name}.npy") for name in _ARRAYS}


def _checksum(path: Path) -> int:
    checksum = 0
    with path.open("rb") as file:
        while block := file.read(_BLOCK_BYTES):
            checksum = zlib.crc32(block, checksum)
    return checksum
