"""`b4r-tui recommend RUN`: asks the engine's program and shows lists of items as a table, JSON or csv."""

from __future__ import annotations

import csv
import json
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Any, Literal

from rich.console import Console
from rich.progress import Progress

from b4r_tui.common.format import plural
from b4r_tui.reports.recommendations import list_table
from b4r_tui.reports.table import console as make_console
from b4r_tui.reports.table import show
from b4r_tui.runs.programs.process import run_program
from b4r_tui.runs.programs.progress import Message, OnProgress
from b4r_tui.runs.store import Run, RunStore
from engine.contract import run_folder
from engine.contract.atomic_files import read_json, write_json
from engine.contract.errors import B4RError, ExitCode
from engine.contract.options.recommend import RecommendOptions, as_arguments

Form = Literal["table", "json", "csv"]
COLUMNS = ("user", "rank", "item", "title", "score")


def recommend(root: Path, name: str, options: RecommendOptions, form: Form) -> ExitCode:
    """Print the lists in the chosen form, or where everybody's went; warnings go to standard error. Raises B4RError."""
    run, errors = RunStore(root).find(name), make_console(stderr=True)
    bar = Progress(console=errors) if options.everyone and errors.is_terminal else nullcontext()
    with bar as shown:
        path = measure(run, options, _told(shown))
    result = read_json(path)
    if result is None:
        raise B4RError(f"{path}: the lists cannot be read; ask again", ExitCode.RUN_FAILED)
    for warning in result["warnings"]:
        errors.print(f"warning: {warning}", soft_wrap=True)
    _print(result, form, make_console())
    return ExitCode.OK


def measure(run: Run, options: RecommendOptions, told: OnProgress) -> Path:
    """Ask the engine's program; the path of its answer in the run's folder, `recommendations/latest.json`.

    Everybody's lists go to the parquet file of the options, and the answer tells where that is. The log is
    logs/recommend.log. Raises B4RError.
    """
    heard: list[Message] = []
    arguments = as_arguments(options)
    done = run_program(run, "engine.programs.recommend", arguments, "recommend.log", told, heard.append)
    folder = run.dir / run_folder.RECOMMENDATIONS
    folder.mkdir(mode=0o700, exist_ok=True)
    path = folder / ("everyone.json" if options.everyone else "latest.json")
    write_json(path, _answer(done, heard, options))
    return path


def _answer(done: Message, heard: list[Message], options: RecommendOptions) -> dict[str, Any]:
    facts = {key: value for key, value in done.items() if key != "type"}
    lists = [
        {key: value for key, value in message.items() if key != "type"}
        for message in heard
        if message["type"] == "recommendations"
    ]
    warnings = [message["message"] for message in heard if message["type"] == "warning"]
    return {**facts, "k": options.k, "as_of": options.as_of, "warnings": warnings, "recommendations": lists}


def _told(bar: Progress | None) -> OnProgress:
    """Moves a bar, where there is one."""
    if bar is None:
        return lambda *_: None
    task = bar.add_task("recommending", total=None)
    return lambda _, step, steps: bar.update(task, completed=step, total=steps or None)


def _print(result: dict[str, Any], form: Form, console: Console) -> None:
    if form == "json":
        sys.stdout.write(json.dumps(result, ensure_ascii=False) + "\n")
    elif "path" in result:
        said = f"{result['path']}: {result['k']} items for each of {plural(result['users'], 'user')}"
        console.print(said, soft_wrap=True)
    elif form == "csv":
        _print_csv(result)
    else:
        show(list_table(result), console)


def _print_csv(result: dict[str, Any]) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(COLUMNS)
    for found in result["recommendations"]:
        for entry in found["items"]:
            row = [found["user"] or "", entry["rank"], entry["item"], entry["title"] or "", entry["score"]]
            writer.writerow(row)
