"""An evaluation's result in words and as a table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rich.console import Console

from b4r_tui.common.format import plural
from b4r_tui.reports.runs import tested_table
from b4r_tui.reports.table import show
from b4r_tui.runs.store import Run
from b4r_tui.runs.summary import tested
from engine.contract.events import Test


def print_result(run: Run, result: dict[str, Any], path: Path, console: Console) -> None:
    """What was evaluated, its metrics with baselines beside them, and where the files are."""
    for label, value in facts(run, result).items():
        console.print(f"{label:12} {value}", soft_wrap=True)
    console.print()
    event = Test(
        checkpoint_epoch=result["checkpoint_epoch"],
        metrics=result["metrics"],
        baseline=result["baseline"],
        baselines=result["baselines"],
    )
    show(tested_table(tested(event)), console)
    console.print()
    console.print(f"{'result':12} {path}", soft_wrap=True)
    for name in result.get("run_files", []):
        console.print(f"{'run file':12} {path.parent / name}", soft_wrap=True)


def facts(run: Run, result: dict[str, Any]) -> dict[str, str]:
    """Which checkpoint was tested on what, by label."""
    told = {
        "run": f"{run.experiment}/{run.run_id}",
        "checkpoint": f"{result['checkpoint']} (sha256 {result['checkpoint_sha256'][:16]})",
        "data": result["dataset"],
        "split": f"{result['split']} {result['split_fingerprint'][:16]}",
    }
    unknown = result.get("unknown")
    if unknown:
        told["unknown"] = (
            f"{plural(unknown['items'], 'item')} that the checkpoint does not know, in "
            f"{plural(unknown['interactions'], 'interaction')}; they are left out, and "
            f"{plural(unknown['users'], 'user')} with them"
        )
    return told
