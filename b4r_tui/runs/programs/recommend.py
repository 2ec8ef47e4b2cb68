"""Runs the engine's program for recommendations."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from b4r_tui.runs.programs.process import run_program
from b4r_tui.runs.programs.progress import Message, OnProgress
from b4r_tui.runs.store import Run
from engine.contract import run_folder
from engine.contract.atomic_files import write_json
from engine.contract.options.recommend import RecommendOptions, as_arguments


def start(run: Run, options: RecommendOptions, on_progress: OnProgress) -> Path:
    """Run the engine's program and return the path of its answer in the run's folder, `recommendations/latest.json`.

    The lists of all users go to the parquet file of the options, and the answer contains its path. The log is
    logs/recommend.log. Raises B4RError.
    """
    messages: list[Message] = []
    done = run_program(
        run,
        "engine.programs.recommend",
        as_arguments(options),
        "recommend.log",
        on_progress,
        messages.append,
    )
    folder = run.dir / run_folder.RECOMMENDATIONS
    folder.mkdir(mode=0o700, exist_ok=True)
    path = folder / ("everyone.json" if options.everyone else "latest.json")
    write_json(path, _answer(done, messages, options))
    return path


def _answer(done: Message, messages: list[Message], options: RecommendOptions) -> dict[str, Any]:
    facts = {key: value for key, value in done.items() if key != "type"}
    lists = [
        {key: value for key, value in message.items() if key != "type"}
        for message in messages
        if message["type"] == "recommendations"
    ]
    warnings = [message["message"] for message in messages if message["type"] == "warning"]
    return {**facts, "k": options.k, "as_of": options.as_of, "warnings": warnings, "recommendations": lists}
