"""Detects corrupt and incomplete files: each file of a run folder is read in the format of its extension."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import tomli

TEMPORARY = re.compile(
    r"\..+\.\w{8}|\.last\.(new|old)"
)  # left when a process is killed while it replaces a file
READ_CHECKPOINTS = """
import sys
from pathlib import Path
import torch
from torch.distributed.checkpoint import FileSystemReader
for name in sys.argv[1:]:
    path = Path(name)
    try:
        if path.is_dir():
            from torch.distributed.checkpoint.format_utils import dcp_to_torch_save
            dcp_to_torch_save(path, "/dev/null")
        else:
            torch.load(path, weights_only=True)
    except Exception as error:
        print(path, repr(error))
"""


def corrupt(folder: Path, torn_lines: int = 0) -> Iterator[str]:
    """Yield files below `folder` that cannot be read. torn_lines: how many lines of an events file may be torn."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not _is_temporary(path, folder) and (problem := _problem(path, torn_lines)):
            yield f"{path}: {problem}"


def leftovers(folder: Path) -> list[Path]:
    """Return leftover temporary files and folders."""
    return [path for path in folder.rglob(".*") if TEMPORARY.fullmatch(path.name)]


def corrupt_checkpoints(folder: Path) -> list[str]:
    """Return the engine's checkpoints that torch cannot read; a separate process imports torch."""
    files = [*folder.rglob("*.pth"), *(path for path in folder.rglob("last") if path.is_dir())]
    if not files:
        return []
    command = [sys.executable, "-c", READ_CHECKPOINTS, *map(str, files)]
    completed = subprocess.run(command, capture_output=True, text=True, check=False)
    return completed.stdout.splitlines() + ([completed.stderr[-500:]] if completed.returncode else [])


def _is_temporary(path: Path, folder: Path) -> bool:
    return any(TEMPORARY.fullmatch(part) for part in path.relative_to(folder).parts)


def _problem(path: Path, torn_lines: int) -> str | None:
    try:
        if path.suffix == ".json":
            json.loads(path.read_bytes())
        elif path.suffix == ".toml":
            tomli.loads(path.read_text())
        elif path.suffix == ".parquet":
            import pyarrow.parquet

            pyarrow.parquet.read_table(path)
        elif path.suffix == ".jsonl":
            torn = sum(not _is_json(line) for line in path.read_bytes().split(b"\n") if line)
            return f"{torn} torn lines, {torn_lines} known" if torn > torn_lines else None
        elif path.suffix == ".twice":
            return "two processes were this rank at once"
    except (OSError, ValueError) as error:
        return repr(error)
    return None


def _is_json(line: bytes) -> bool:
    try:
        json.loads(line)
    except ValueError:
        return False
    return True
