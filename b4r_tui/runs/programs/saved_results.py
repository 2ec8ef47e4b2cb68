"""What actions left in a run's folder: read for the tab, so that results are there next time too."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.contract.atomic_files import read_json


@dataclass(frozen=True)
class Found:
    """A result: which section it belongs to, its file, and what that says."""

    section: str
    path: Path
    content: dict[str, Any]


def read_results(run_dir: Path, sections: Iterable[str]) -> list[Found]:
    """The results in a run's folder: the section with the newest first, and the newest first within it.

    A section is a folder with results as `<name>.json` or, where one is several files, `<name>/metrics.json`. Files
    that cannot be read, or that go away meanwhile, are left out.
    """
    files = [(name, _files(run_dir / name)) for name in sections]
    newest = sorted((one for one in files if one[1]), key=lambda one: _written(one[1][0]), reverse=True)
    contents = ((name, path, read_json(path)) for name, paths in newest for path in paths)
    return [Found(name, path, content) for name, path, content in contents if content]


def _files(folder: Path) -> list[Path]:
    """Newest first."""
    found = [*folder.glob("*.json"), *folder.glob("*/metrics.json")]
    return sorted(found, key=_written, reverse=True)


def _written(path: Path) -> tuple[float, str]:
    try:
        return path.stat().st_mtime, path.name
    except OSError:
        return 0.0, path.name
