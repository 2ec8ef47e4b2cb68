"""What actions left in a run's folder: read for the tab, so that results are there next time too."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.files import read_json


@dataclass(frozen=True)
class Found:
    """A result: which section it belongs to, its file, and what that says."""

    section: str
    path: Path
    content: dict[str, Any]


def read_results(run_dir: Path, sections: Iterable[str]) -> list[Found]:
    """The results in a run's folder, `<section>/*.json`: the section with the newest first, and so within it.

    Files that cannot be read, or that go away meanwhile, are left out.
    """
    files = [sorted((run_dir / name).glob("*.json"), key=_written, reverse=True) for name in sections]
    newest = sorted((paths for paths in files if paths), key=lambda paths: _written(paths[0]), reverse=True)
    contents = ((path, read_json(path)) for paths in newest for path in paths)
    return [Found(path.parent.name, path, content) for path, content in contents if content]


def _written(path: Path) -> tuple[float, str]:
    try:
        return path.stat().st_mtime, path.name
    except OSError:
        return 0.0, path.name
