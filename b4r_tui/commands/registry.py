"""All commands by name, in the order of `--help`, without importing any of them."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple, cast

if TYPE_CHECKING:
    from b4r_tui.commands.command import Command


class Entry(NamedTuple):
    """What the program's own parser has to know of a command before its module is imported.

    takes: the command's options that may also be given before its name, of `json` and `only`.
    """

    module: str
    help: str
    takes: tuple[str, ...] = ()


COMMANDS = {
    "validate": Entry("validate", "check an experiments file"),
    "schema": Entry("schema", "print the JSON Schema of experiments files"),
    "runs": Entry("runs", "list runs", ("json",)),
    "show": Entry("show", "show full details of a run", ("json",)),
    "launch": Entry("launch", "start experiments in the background", ("only",)),
    "queue": Entry("queue", "show or change the queue", ("json",)),
    "retry": Entry("retry", "retry failed or lost runs", ("only",)),
    "delete": Entry("delete", "delete the folders of ended or queued runs"),
    "stop": Entry("stop", "stop a run"),
    "resume": Entry("resume", "resume a stopped, failed or lost run from its last checkpoint"),
    "evaluate": Entry(
        "evaluate", "evaluate a run's checkpoint, or a bare .pth, on its own or other data", ("json",)
    ),
    "fairness": Entry(
        "fairness", "measure a run's joint multisided exposure fairness on full rankings", ("json",)
    ),
    "recommend": Entry("recommend", "recommend items for users or for a given history", ("json",)),
    "export-model": Entry("export_model", "export a run's model as one file, and verify it"),
    "compare": Entry("compare", "compare runs, or all runs of experiments, paired by user", ("json",)),
    "export": Entry(
        "export", "export leaderboards to a file for a paper, a spreadsheet or a browser", ("only",)
    ),
    "sweep": Entry("sweep", "run a sweep to completion (resumable)", ("json",)),
    "serve": Entry("serve", "serve the app to a browser on this machine"),
    "doctor": Entry("doctor", "check that this machine can run experiments", ("json",)),
    "fetch": Entry("fetch", "download a MovieLens data set; shows its terms of use"),
    "import": Entry(
        "import_scripts", "convert train.sh and eval.sh of the original to experiments; runs nothing"
    ),
    "rerun": Entry("rerun", "run a run's frozen config again", ("json",)),
    "track": Entry("track", "export runs to TensorBoard or MLflow"),
    "completion": Entry("completion", "print a completion script for your shell"),
}


def load(module: str) -> Command:
    """Import the module of a command, or `run_file` or `tail`, which are options of the program itself."""
    return cast("Command", import_module(f"b4r_tui.commands.{module}"))
