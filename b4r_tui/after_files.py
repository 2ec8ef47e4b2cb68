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
    """The results in a run's folder, `<section>/*.json`, the newest of a section first.

    Files that cannot be read, or that go away meanwhile, are left out.
    """
    found = []
    for section in sections:
        for path in sorted((run_dir / section).glob("*.json"), key=_written, reverse=True):
            content = read_json(path)
            if content:
                found.append(Found(section, path, content))
    return found


def _written(path: Path) -> tuple[float, str]:
    try:
        return path.stat().st_mtime, path.name
    except OSError:
        return 0.0, path.name
