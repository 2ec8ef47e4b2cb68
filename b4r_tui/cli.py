"""The command line: reads arguments, calls what they ask for, shows errors. Heavy imports wait until needed."""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from b4r_tui import __version__, queue_options
from engine import evaluate_options
from engine.errors import B4RError, ExitCode
from engine.fairness.options import add_options, options_of
from engine.harmless import harmless
from engine.serving import export_options, recommend_options

STATES = ("queued", "running", "finished", "failed", "stopped", "lost")
WITH_JSON = (
    "runs",
    "show",
    "queue",
    "evaluate",
    "fairness",
    "recommend",
    "compare",
    "sweep",
    "rerun",
    "doctor",
)
EXPORTED = ("csv", "md", "latex", "json", "parquet", "html")
LEVELS = ("debug", "info", "warning", "error", "critical")
TRACKERS = ("tensorboard", "mlflow")
FETCHED = ("ml-100k", "ml-1m", "ml-20m")
_EPILOG = "exit codes: 0 ok, 1 a run failed, 2 bad input or usage, 3 environment, 130 interrupted"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; the exit code. The one place where errors are shown."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a terminal that lacks a character shows a ? for it
    try:
        code = _act(_parse(argv))
        sys.stdout.flush()
        return int(code)
    except B4RError as error:
        for line in str(error).splitlines():
            sys.stderr.write(f"b4r-tui: {harmless(line)}\n")
        return int(error.code)
    except KeyboardInterrupt:
        return int(ExitCode.INTERRUPTED)
    except BrokenPipeError:  # the reader of our output has gone, as `head` does; runs go on
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return int(ExitCode.OK)


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = _parser()
    arguments = parser.parse_args(argv)
    misplaced = _misplaced(arguments)
    if misplaced:
        parser.error(misplaced)
    return arguments


def _parser() -> argparse.ArgumentParser:
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument(
        "--runs", type=Path, metavar="DIR", default=argparse.SUPPRESS, help="runs root (./runs)"
    )
    parser = argparse.ArgumentParser(
        prog="b4r-tui",
        description="Edit, launch, watch and compare BERT4Rec experiments. Without a command: the app.",
        epilog=_EPILOG,
        parents=[shared],
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"b4r-tui {__version__}")
    parser.add_argument("-f", "--file", type=Path, metavar="FILE", help="experiments file (experiments.toml)")
    _add_run(parser)
    _add_tail(parser)
    _add_commands(parser.add_subparsers(dest="command", metavar="COMMAND", title="commands"), shared)
    return parser


def _add_run(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("run experiments here and now")
    group.add_argument(
        "--run", type=Path, metavar="FILE", help="run all experiments of FILE, end with a leaderboard"
    )
    group.add_argument("--only", nargs="+", metavar="NAME", default=[], help="just these experiments")
    group.add_argument(
        "--seed-check",
        action="store_true",
        help="run each twice with its seed; their test metrics must be equal",
    )
    group.add_argument("--json", action="store_true", help="events as JSON lines, then one summary line")


def _add_tail(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("follow a run's logs")
    group.add_argument(
        "--tail", metavar="RUN", help="a run's id, the start of one, its experiment, or its folder"
    )
    group.add_argument(
        "--rank", type=_count, nargs="+", action="extend", metavar="N", help="just the logs of these ranks"
    )
    group.add_argument("--lines", type=_count, metavar="K", help="lines of the past, of each source (20)")
    group.add_argument("--no-follow", action="store_true", help="print what there is and end")
    group.add_argument("--grep", type=_pattern, metavar="RE", help="just lines that match")
    group.add_argument("--level", choices=LEVELS, help="just lines of this level or a graver one")


def _add_commands(commands: argparse._SubParsersAction, shared: argparse.ArgumentParser) -> None:
    def command(name: str, help_line: str) -> argparse.ArgumentParser:
        added: argparse.ArgumentParser = commands.add_parser(
            name, help=help_line, description=help_line, parents=[shared], allow_abbrev=False
        )
        return added

    command("validate", "check an experiments file").add_argument("path", type=Path, metavar="FILE")
    command("schema", "print the JSON Schema of experiments files")
    runs = command("runs", "list runs")
    runs.add_argument("--state", choices=STATES, help="just runs in this state")
    show = command("show", "show one run whole")
    show.add_argument("name", metavar="RUN")
    show.add_argument("--repro", action="store_true", help="what it takes to run it again, ready to paste")
    for parser in (runs, show):
        parser.add_argument("--json", action="store_true", help="as JSON", default=argparse.SUPPRESS)
    launch = command("launch", "start experiments and leave them running")
    launch.add_argument("path", type=Path, metavar="FILE")
    launch.add_argument(
        "--only", nargs="+", metavar="NAME", default=argparse.SUPPRESS, help="just these experiments"
    )
    launch.add_argument(
        "--after", nargs="+", metavar="RUN", default=[], help="start when these have finished"
    )
    launch.add_argument(
        "--priority", type=queue_options.number, metavar="N", default=0.0, help="higher starts first (0)"
    )
    queue_options.add_queue(command("queue", "show what runs and what waits, and why; change its order"))
    queue_options.add_retry(command("retry", "give runs that failed or got lost another try"))
    queue_options.add_delete(command("delete", "delete the folders of runs that have ended or wait"))
    command("stop", "stop a run").add_argument("name", metavar="RUN")
    resume = command(
        "resume", "go on with a run that was stopped, failed or got lost, where it was saved last"
    )
    resume.add_argument("name", metavar="RUN")
    resume.add_argument("--j", metavar="1xN", help="on other ranks than before")
    resume.add_argument("--mode", choices=("ddp", "dmp"), help="in the other mode")
    _add_evaluate(command("evaluate", "test a run's checkpoint, or a bare .pth, on its own or on other data"))
    fairness = command("fairness", "measure a run's joint multisided exposure fairness, from full rankings")
    fairness.add_argument("name", metavar="RUN")
    fairness.add_argument("--json", action="store_true", help="as JSON", default=argparse.SUPPRESS)
    add_options(fairness)
    recommend = command(
        "recommend", "the items a run's model would recommend, to users or after a new history"
    )
    recommend.add_argument("name", metavar="RUN")
    recommend_options.add_options(recommend)
    form = recommend.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="as JSON", default=argparse.SUPPRESS)
    form.add_argument("--csv", action="store_true", help="as csv")
    export = command("export-model", "write a run's model as one file for other programs, and check it")
    export.add_argument("name", metavar="RUN")
    export_options.add_options(export)
    _add_compare(command("compare", "what runs, or all runs of experiments, differ in, user by user"))
    _add_export(command("export", "leaderboards of all runs as a file for a paper, a sheet or a browser"))
    _add_sweep(command("sweep", "drive a sweep to its end; run again, it goes on where it stopped"))
    _add_doctor(command("doctor", "look whether this machine can run experiments, and say what to mend"))
    fetch = command("fetch", "download a MovieLens data set; shows its terms of use")
    fetch.add_argument("dataset", choices=FETCHED, metavar="DATASET", help=", ".join(FETCHED))
    fetch.add_argument(
        "--into", type=Path, metavar="DIR", default=Path("datasets"), help="folder of data sets (./datasets)"
    )
    _add_import(command("import", "make experiments of the original's train.sh and eval.sh; runs nothing"))
    _add_rerun(command("rerun", "run a run's frozen config again"))
    _add_track(command("track", "hand runs over to TensorBoard or MLflow"))


def _add_import(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("scripts", type=Path, nargs="+", metavar="SCRIPT")
    parser.add_argument("--name", help="name of the experiment (the script's)")
    where = parser.add_mutually_exclusive_group()
    where.add_argument("-o", "--output", type=Path, metavar="FILE", help="a new file (standard output)")
    where.add_argument("--into", type=Path, metavar="FILE", help="an experiments file to add them to")


def _add_rerun(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="RUN")
    parser.add_argument(
        "--check", action="store_true", help="wait, and say whether losses and metrics are identical"
    )
    parser.add_argument("--json", action="store_true", help="as JSON", default=argparse.SUPPRESS)


def _add_track(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("names", nargs="+", metavar="RUN")
    parser.add_argument("--to", choices=TRACKERS, required=True, help="which tracker")
    parser.add_argument(
        "--into",
        metavar="DIR|URI",
        help="TensorBoard's folder (in the run's), MLflow's store (in the runs root)",
    )


def _add_doctor(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "path", type=Path, metavar="FILE", nargs="?", help="also ask whether its experiments can run"
    )
    parser.add_argument("--json", action="store_true", help="as JSON", default=argparse.SUPPRESS)


def _add_evaluate(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="RUN|FILE.pth")
    parser.add_argument("--json", action="store_true", help="as JSON", default=argparse.SUPPRESS)
    parser.add_argument(
        "--config", metavar="TOML", help="settings of FILE.pth: a run's config.toml, or experiments.toml#NAME"
    )
    evaluate_options.add_options(parser)


def _add_compare(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("names", nargs="+", metavar="RUN", help="a run, or an experiment: all its runs")
    parser.add_argument("--metric", metavar="METRIC", help="what to test (the one that chose the best epoch)")
    parser.add_argument("--baseline", metavar="RUN", help="what the others are compared with (the first RUN)")
    parser.add_argument("--protocol", metavar="PROTOCOL", help="of the metric (the first of the runs)")
    parser.add_argument("--json", action="store_true", help="as JSON", default=argparse.SUPPRESS)


def _add_export(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--format", choices=EXPORTED, help="what to write (by the ending of FILE, else csv)", dest="form"
    )
    parser.add_argument(
        "--metrics", nargs="+", metavar="METRIC", default=[], help="columns; the first one ranks"
    )
    parser.add_argument("--protocol", metavar="PROTOCOL", help="of the metrics (each run's first)")
    parser.add_argument(
        "--only", nargs="+", metavar="NAME", default=argparse.SUPPRESS, help="just these experiments or runs"
    )
    parser.add_argument("--baseline", metavar="NAME", help="mark what differs significantly from it")
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="write there (standard output)")


def _add_sweep(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("path", type=Path, metavar="FILE")
    parser.add_argument(
        "--only",
        dest="sweep",
        metavar="NAME",
        help="the experiment whose sweep to drive, where there are several",
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="just say how many runs it takes, and how long"
    )
    parser.add_argument("--retry", action="store_true", help="run what failed once more")
    parser.add_argument(
        "--json", action="store_true", help="events as JSON lines, then one line", default=argparse.SUPPRESS
    )


def _misplaced(arguments: argparse.Namespace) -> str | None:
    """What does not go together, or None."""
    run, tail, command = arguments.run is not None, arguments.tail is not None, arguments.command
    if run + tail + (command is not None) > 1:
        return "choose one of --run, --tail and a command"
    if arguments.file and (run or tail or command):
        return "-f is for the app; other commands take their FILE themselves"
    if arguments.seed_check and not run:
        return "--seed-check goes with --run"
    if arguments.only and not (run or command in ("launch", "retry", "export")):
        return "--only goes with --run, launch, retry and export"
    if arguments.json and not (run or command in WITH_JSON):
        return f"--json goes with --run, {', '.join(WITH_JSON[:-1])} and {WITH_JSON[-1]}"
    of_tail = (arguments.rank, arguments.lines, arguments.grep, arguments.level)
    if not tail and (arguments.no_follow or any(value is not None for value in of_tail)):
        return "--rank, --lines, --no-follow, --grep and --level go with --tail"
    return None


def _act(arguments: argparse.Namespace) -> int:
    """Do what the arguments ask for."""
    root = getattr(arguments, "runs", None) or Path("runs")
    if arguments.run is not None:
        from b4r_tui.headless import run_file

        return run_file(arguments.run, root, arguments.only, arguments.json, arguments.seed_check)
    if arguments.tail is not None:
        return _tail(arguments, root)
    if arguments.command in QUEUE:
        return _queue(arguments, root)
    if arguments.command in AFTER_TRAINING:
        return AFTER_TRAINING[arguments.command](arguments, root)
    if arguments.command is not None:
        return _commands(arguments, root)[arguments.command]()
    return _open_app(arguments.file, root)


def _commands(arguments: argparse.Namespace, root: Path) -> dict[str, Callable[[], int]]:
    from b4r_tui import commands

    return {
        "validate": lambda: commands.validate(arguments.path),
        "schema": lambda: commands.schema(),
        "runs": lambda: commands.list_runs(root, arguments.state, arguments.json),
        "show": lambda: commands.show_run(root, arguments.name, arguments.json, arguments.repro),
        "launch": lambda: commands.launch_file(
            arguments.path, root, arguments.only, arguments.after, arguments.priority
        ),
        "stop": lambda: commands.stop_run(root, arguments.name),
        "resume": lambda: commands.resume_run(root, arguments.name, arguments.j, arguments.mode),
        "fetch": lambda: commands.fetch_dataset(arguments.dataset, arguments.into),
    }


def _queue(arguments: argparse.Namespace, root: Path) -> int:
    from b4r_tui import queueing

    name: str = QUEUE[arguments.command]
    return int(getattr(queueing, name)(arguments, root))


def _evaluate(arguments: argparse.Namespace, root: Path) -> int:
    from b4r_tui.evaluation import evaluate_run

    options = evaluate_options.options_of(arguments)
    return evaluate_run(root, arguments.name, arguments.config, options, arguments.json)


def _fairness(arguments: argparse.Namespace, root: Path) -> int:
    from b4r_tui.fairness import rate_fairness

    return rate_fairness(root, arguments.name, options_of(arguments), arguments.json)


def _recommend(arguments: argparse.Namespace, root: Path) -> int:
    from b4r_tui.recommend import recommend

    form = "json" if arguments.json else "csv" if arguments.csv else "table"
    return recommend(root, arguments.name, recommend_options.options_of(arguments), form)  # type: ignore[arg-type]


def _export_model(arguments: argparse.Namespace, root: Path) -> int:
    from b4r_tui.export_model import export_model

    return export_model(root, arguments.name, export_options.options_of(arguments))


def _compare(arguments: argparse.Namespace, root: Path) -> int:
    from b4r_tui.compare import compare_runs

    names, metric, protocol = arguments.names, arguments.metric, arguments.protocol
    return compare_runs(root, names, metric, arguments.baseline, protocol, arguments.json)


def _export(arguments: argparse.Namespace, root: Path) -> int:
    from b4r_tui.export import ExportOptions, export_runs

    options = ExportOptions(
        form=arguments.form,
        metrics=tuple(arguments.metrics),
        protocol=arguments.protocol,
        only=tuple(arguments.only),
        baseline=arguments.baseline,
        file=arguments.output,
    )
    return export_runs(root, options)


def _sweep(arguments: argparse.Namespace, root: Path) -> int:
    from b4r_tui.sweeps.command import SweepRequest, sweep_file

    request = SweepRequest(
        arguments.path, arguments.sweep, arguments.dry_run, arguments.retry, arguments.json
    )
    return sweep_file(request, root)


QUEUE = {"queue": "act", "retry": "retry_runs", "delete": "delete_runs"}


def _doctor(arguments: argparse.Namespace, root: Path) -> int:
    from b4r_tui.doctor.report import doctor

    return doctor(arguments, root)


def _import(arguments: argparse.Namespace, root: Path) -> int:
    from b4r_tui.importing.command import import_scripts

    return import_scripts(arguments.scripts, arguments.name, arguments.output, arguments.into)


def _rerun(arguments: argparse.Namespace, root: Path) -> int:
    from b4r_tui.rerun import rerun

    return rerun(root, arguments.name, arguments.check, arguments.json)


def _track(arguments: argparse.Namespace, root: Path) -> int:
    from b4r_tui.trackers.command import track

    return track(root, arguments.names, arguments.to, arguments.into)


AFTER_TRAINING = {
    "compare": _compare,
    "export": _export,
    "evaluate": _evaluate,
    "fairness": _fairness,
    "recommend": _recommend,
    "export-model": _export_model,
    "sweep": _sweep,
    "doctor": _doctor,
    "import": _import,
    "rerun": _rerun,
    "track": _track,
}


def _tail(arguments: argparse.Namespace, root: Path) -> int:
    from b4r_tui.logs.levels import Level
    from b4r_tui.runs.store import RunStore
    from b4r_tui.sheets import console
    from b4r_tui.tail import TailOptions, tail

    lines = TailOptions.lines if arguments.lines is None else arguments.lines
    ranks = tuple(dict.fromkeys(arguments.rank or ()))
    level = Level[(arguments.level or LEVELS[0]).upper()]
    options = TailOptions(ranks, lines, not arguments.no_follow, arguments.grep, level)
    tail(RunStore(root).find(arguments.tail), options, console())
    return ExitCode.OK


def _open_app(file: Path | None, root: Path) -> int:
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise B4RError("the app needs a terminal; without one use --run FILE, or see --help")
    from b4r_tui.app import run_app

    return run_app(file or Path("experiments.toml"), root, tour=file is None)


def _count(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"'{text}' is not a whole number from 0 on")
    return int(text)


def _pattern(text: str) -> re.Pattern[str]:
    try:
        return re.compile(text)
    except re.error as error:
        raise argparse.ArgumentTypeError(f"'{text}' is no regular expression: {error}") from error
