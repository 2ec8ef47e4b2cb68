"""The result of an evaluation as facts and a table."""

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
    """Print what was evaluated, its metrics next to the baselines, and where the files are."""
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
    """Return which checkpoint was evaluated on which data, by label."""
    labelled = {
        "run": f"{run.experiment}/{run.run_id}",
        "checkpoint": f"{result['checkpoint']} (sha256 {result['checkpoint_sha256'][:16]})",
        "data": result["dataset"],
        "split": f"{result['split']} {result['split_fingerprint'][:16]}",
    }
    unknown = result.get("unknown")
    if unknown:
        labelled["unknown"] = (
            f"{plural(unknown['items'], 'item')} unknown to the checkpoint, in "
            f"{plural(unknown['interactions'], 'interaction')}; excluded, together with "
            f"{plural(unknown['users'], 'user')}"
        )
    return labelled
