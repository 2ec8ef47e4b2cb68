"""`b4r-tui --run FILE`: runs all experiments of a file in the foreground and prints a leaderboard."""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from rich.console import Console

from b4r_tui.commands.command import Context, print_json, print_message
from b4r_tui.commands.interrupts import Interrupts, stop_all
from b4r_tui.common.format import plural
from b4r_tui.experiments.load import load_experiments
from b4r_tui.reports.leaderboard import print_boards
from b4r_tui.reports.live import Display, JsonLines, Lines, LiveTable
from b4r_tui.results.leaderboard import leaderboard
from b4r_tui.results.seed_check import SeedCheck, check_seeds
from b4r_tui.runs.launch import launch
from b4r_tui.runs.progress import RunWatch
from b4r_tui.runs.queue.start_runner import RunnerWatch
from b4r_tui.runs.queue_settings import read_settings
from b4r_tui.runs.state import RunState
from b4r_tui.runs.store import Run, RunStore
from b4r_tui.runs.summary import Summary, read_summary
from engine.contract.config.experiment import Experiment
from engine.contract.errors import ExitCode

POLL_SECONDS = 0.25


def run(arguments: argparse.Namespace, context: Context) -> ExitCode:
    """Run the experiments to completion. All are validated before the first starts. Raises B4RError.

    Returns OK if all finished and, with --seed-check, repeated exactly, else RUN_FAILED or INTERRUPTED.
    """
    experiments = load_experiments(arguments.run, arguments.only).runnable()
    planned = [each for each in experiments for _ in range(2 if arguments.seed_check else 1)]
    root, console = context.root, context.console
    with Interrupts() as interrupts:
        runs = launch(RunStore(root), planned)
        _warn_if_paused(root)
        watches = [RunWatch(run) for run in runs]
        with _display(watches, planned, console, arguments.json) as display:
            _follow(watches, display, lambda: interrupts.count > 0, RunnerWatch(root))
            stopped = [watch for watch in watches if not watch.state.ended]
            stop_all(stopped, lambda: interrupts.count > 1)
            display.update([watch for watch in watches if watch.poll()])
    summaries = [read_summary(run) for run in runs]
    checks = check_seeds(summaries) if arguments.seed_check else []
    if arguments.json:
        _print_json(summaries, checks)
    else:
        _print_report(summaries, checks, console)
    if stopped:
        _report_stopped(stopped)
        return ExitCode.INTERRUPTED
    return _verdict(summaries, checks)


def _display(
    watches: Sequence[RunWatch], experiments: Sequence[Experiment], console: Console, as_json: bool
) -> Display:
    if as_json:
        return JsonLines(console)
    if console.is_terminal and not console.is_dumb_terminal:
        return LiveTable(watches, experiments, console)
    return Lines(_names([watch.run for watch in watches]), console)


def _names(runs: Sequence[Run]) -> dict[str, str]:
    """Return the name to show for each run: its experiment, with the run's id if the experiment runs twice."""
    often = Counter(run.experiment for run in runs)
    return {
        run.run_id: run.experiment if often[run.experiment] == 1 else f"{run.experiment}/{run.run_id}"
        for run in runs
    }


def _warn_if_paused(root: Path) -> None:
    if read_settings(root).paused:
        print_message(f"the queue of {root} is paused; resume it with: b4r-tui queue resume")


def _follow(
    watches: Sequence[RunWatch], display: Display, interrupted: Callable[[], bool], runner: RunnerWatch
) -> None:
    """Show the runs until all have ended or the command is interrupted."""
    while True:
        display.update([watch for watch in watches if watch.poll()])
        runner.revive([watch.state for watch in watches])
        if interrupted() or all(watch.state.ended for watch in watches):
            return
        time.sleep(POLL_SECONDS)


def _print_json(summaries: Sequence[Summary], checks: Sequence[SeedCheck]) -> None:
    line = {
        "type": "summary",
        "runs": list(summaries),
        "leaderboard": [board.as_json() for board in leaderboard(summaries)],
    }
    if checks:
        line["seed_check"] = [{"experiment": check.experiment, "same": check.same} for check in checks]
    print_json(line)


def _print_report(summaries: Sequence[Summary], checks: Sequence[SeedCheck], console: Console) -> None:
    """Print the leaderboards, then every unfinished run with its reason."""
    print_boards(leaderboard(summaries), console)
    for check in checks:
        console.print(f"{check.experiment}: {check.sentence}", style="green" if check.same else "bold red")
    for summary in summaries:
        if summary["state"] != RunState.FINISHED.value:
            console.print(_unfinished(summary), style="bold red", soft_wrap=True)


def _unfinished(summary: Summary) -> str:
    reason = f": {summary['error']}" if summary["error"] else ""
    return f"{summary['experiment']}/{summary['run_id']} {summary['state']}{reason}"


def _report_stopped(watches: Sequence[RunWatch]) -> None:
    done = [watch for watch in watches if watch.run.state.ended]
    names = ", ".join(f"{watch.run.experiment}/{watch.run.run_id}" for watch in done)
    if done:
        print_message(f"stopped {plural(len(done), 'run')}: {names}")
    if len(done) < len(watches):
        print_message(f"{plural(len(watches) - len(done), 'run')} asked to stop, still stopping")


def _verdict(summaries: Sequence[Summary], checks: Sequence[SeedCheck]) -> ExitCode:
    """Return OK if all finished; BAD_INPUT or ENVIRONMENT if all others failed for that reason; else RUN_FAILED."""
    unfinished = [summary for summary in summaries if summary["state"] != RunState.FINISHED.value]
    codes = {summary["exit_code"] for summary in unfinished}
    for code in (ExitCode.BAD_INPUT, ExitCode.ENVIRONMENT):
        if codes == {code}:
            return code
    return ExitCode.OK if not unfinished and all(check.same for check in checks) else ExitCode.RUN_FAILED
