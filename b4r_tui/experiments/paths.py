"""Resolves relative paths in an experiments file against the folder of the file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

_PATH_KEYS = (
    ("data", "dataset_path"),
    ("training", "export_root"),
    ("launch", "script"),
    ("evaluation", "pth"),
)


def resolve_paths(settings: dict[str, Any], folder: Path) -> None:
    """Make the paths in `settings` absolute, in place; values that are not text are left to validation."""
    for group, key in _PATH_KEYS:
        table = settings.get(group)
        value = table.get(key) if isinstance(table, dict) else None
        if isinstance(table, dict) and isinstance(value, str) and value and _is_path(key, value):
            table[key] = os.path.normpath(folder.absolute() / Path(value).expanduser())


def _is_path(key: str, value: str) -> bool:
    """Return whether the value is a path; evaluation.pth may also be `best`, `last` or the name of a checkpoint."""
    return key != "pth" or "/" in value
