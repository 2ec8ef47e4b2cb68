"""docs/reference/run-folder.md lists exactly what a finished run has written."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from b4r_tui.runs.state import RunState
from b4r_tui.runs.store import RunStore
from tests.conftest import ROOT

PAGE = (ROOT / "docs" / "reference" / "run-folder.md").read_text(encoding="utf-8")
ALIKE = ("checkpoints/last/__", "predictions/ranks_", "logs/rank_")  # the page has one of each
LATER = ("evaluations/", "recommendations/", "exports/")  # other tests try commands on the same run


def on_page(heading: str) -> list[str]:
    """Return the files in the table below a heading."""
    table = PAGE.split(f"## {heading}\n")[1].split("\n## ")[0]
    return re.findall(r"^\| `([^`]+)`", table, re.MULTILINE)


@pytest.mark.torchrun
def test_the_page_lists_what_a_run_writes(real_place: Path) -> None:
    (run,) = RunStore(real_place / "runs").runs()
    written = {str(path.relative_to(run.dir)) for path in run.dir.rglob("*") if path.is_file()}
    listed = set(on_page("Always there, once a run has finished"))
    assert listed - written == set()
    later = on_page("There after some commands")
    assert [path for path in written - listed - set(later) if not path.startswith(ALIKE + LATER)] == []
    assert [folder for folder in LATER if not any(path.startswith(folder) for path in later)] == []


def test_every_state_is_explained() -> None:
    table = PAGE.split("## State")[1]
    states = [str(state) for state in RunState]
    assert [state for state in states if not re.search(rf"^\| .*\b{state}\b.* \|", table, re.MULTILINE)] == []
