"""Measures latency of the app: first paint, keys while runs report, a long log, and ten thousand runs.

    python -m benchmarks.ui [--runs 8] [--hertz 5] [--rounds 20] [--folders 10000] [--lines 1000000] [--repeats 5]
                            [--only first_paint stream log many] [--ahead] [--json FILE]

The app draws into a pseudo-terminal, and a script presses key after key: down, up, marks, all tabs, the filter. A key
is painted when a paint that shows its effect has ended, and settled when nothing is left to paint. Meanwhile, eight
runs report five times per second each, from a separate process. A bare Textual table and toolong are measured for
comparison. `--ahead` gives the measured programs priority on a machine that is never idle (real-time scheduling, which
only root may request).
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pexpect

from b4r_tui.runs.ids import run_id_at, ticks_now
from b4r_tui.runs.queue.reorder import set_paused
from b4r_tui.runs.records import ExitRecord, write_exit
from b4r_tui.runs.store import Run, RunStore
from b4r_tui.runs.summary import write_summary
from benchmarks import logs, startup
from benchmarks.machine import about
from benchmarks.ui_stream import EPOCHS, epoch_event, started_event
from engine.contract.atomic_files import write_json
from engine.contract.config.experiment import Experiment
from engine.contract.events import EventWriter, RunFinished

ROOT = Path(__file__).resolve().parents[1]
GOAL = 50.0  # ms, for 99 % of keys while runs report
SIZE = (36, 140)  # rows and columns of the terminal
NAMES = ("base", "small")
PARTS = ("first_paint", "stream", "log", "many")
Presses = Sequence[Sequence[Any]]  # action, ms until painted, ms until settled, CPU ms


def main() -> None:
    """Measure, print, and write the JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    counts = {"runs": 8, "hertz": 5, "rounds": 20, "folders": 10_000, "lines": 1_000_000, "repeats": 5}
    for name, count in counts.items():
        parser.add_argument(f"--{name}", type=int, default=count, help=f"({count:,})")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS, help="what to measure (all)")
    parser.add_argument("--ahead", action="store_true", help="use real-time scheduling")
    parser.add_argument("--json", type=Path, metavar="FILE", help="file for the results")
    arguments = parser.parse_args()
    if arguments.ahead:
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
    results: dict[str, Any] = {**parameters(arguments), **measure(arguments), **about()}
    print(as_table(results))
    if arguments.json:
        write_json(arguments.json, results)


def parameters(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the parameters of the measurement."""
    return {
        name: getattr(arguments, name) for name in ("runs", "hertz", "rounds", "folders", "lines", "ahead")
    }


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """Measure the requested parts: in seconds, or in milliseconds where a name says so."""
    parts = {
        "first_paint": lambda folder: startup.measure(folder, arguments.repeats),
        "stream": lambda folder: stream(folder, arguments),
        "log": lambda folder: long_log(folder, arguments),
        "many": lambda folder: many(folder, arguments),
    }
    results = {}
    for name in arguments.only:
        with tempfile.TemporaryDirectory() as folder:
            results[name] = parts[name](Path(folder))
    return results


# while runs report -------------------------------------------------------------------------------


def stream(folder: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    """Measure keys while runs report, and the same moves in a bare table."""
    store = RunStore(folder / "runs")
    runs = [store.create(experiment_of(NAMES[number % 2])) for number in range(arguments.runs)]
    set_paused(store, [], True)
    with reporting(runs, arguments.hertz):
        ours = press_keys("stream", folder, arguments.rounds, len(runs))
    bare = press_keys("bare", folder, arguments.rounds, len(runs))
    keys = summaries(ours["keys"])
    return {
        "keys": keys,
        "first": summaries(ours["first"]),
        "bare": summaries(bare["keys"]),
        "moves_ratio": ratio(keys["down, up"], summaries(bare["keys"])["down, up"]),
        "goal_ms": GOAL,
        "goal_met": keys["all"]["p99"] < GOAL,
    }


@contextmanager
def reporting(runs: Sequence[Run], hertz: int) -> Iterator[None]:
    """Run a process that reports for all runs."""
    command = [sys.executable, "-m", "benchmarks.ui_stream", str(hertz), *(str(run.dir) for run in runs)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE)
    assert process.stdout is not None and process.stdout.readline()
    try:
        yield
    finally:
        process.kill()
        process.wait()


def press_keys(scenario: str, folder: Path, rounds: int, rows: int) -> dict[str, Any]:
    """Run `benchmarks.ui_keys` in a pseudo-terminal. Raises RuntimeError with its last output."""
    (folder / "experiments.toml").write_text("".join(TOML.format(name=name) for name in NAMES))
    out = folder / f"{scenario}.json"
    command = ["-m", "benchmarks.ui_keys", scenario, str(folder), str(out)]
    command += ["--rounds", str(rounds), "--rows", str(rows)]
    child = pexpect.spawn(
        sys.executable,
        command,
        cwd=str(ROOT),
        dimensions=SIZE,
        env={**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor", "XDG_STATE_HOME": str(folder)},
    )
    last = b""
    try:
        while True:
            last = (last + child.read_nonblocking(65536, timeout=300))[-2000:]
    except pexpect.EOF:
        child.close()
    if not out.exists():
        raise RuntimeError(last.decode(errors="replace"))
    return dict(json.loads(out.read_text()))


TOML = """
[experiments.{name}]
data.dataset_name = "synthetic"
training.num_epochs = 100_000
"""


def experiment_of(name: str) -> Experiment:
    """Return an experiment with very many epochs."""
    return Experiment.model_validate(
        {"name": name, "data": {"dataset_name": "synthetic"}, "training": {"num_epochs": EPOCHS}}
    )


# many runs, a long log ---------------------------------------------------------------------------


def many(folder: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    """Measure keys in a table of thousands of ended runs with the index, and in a bare table."""
    store = RunStore(folder / "runs")
    for name in NAMES:
        write_ended(store, name, arguments.folders // len(NAMES))
    rows, rounds = arguments.folders // len(NAMES) * len(NAMES), max(1, arguments.rounds // 4)
    ours = [press_keys("many", folder, rounds, rows) for _ in range(2)][-1]
    bare = press_keys("bare", folder, rounds, rows)
    keys = summaries(ours["keys"])
    return {
        "seconds": {name: round(value, 3) for name, value in ours.items() if name.startswith("seconds")},
        "keys": keys,
        "bare": summaries(bare["keys"]),
        "bare_seconds": round(bare["seconds to all runs"], 3),
        "moves_ratio": ratio(keys["down, up"], summaries(bare["keys"])["down, up"]),
    }


def write_ended(store: RunStore, name: str, count: int) -> None:
    """Write ended runs of an experiment: copies of one under new IDs."""
    run = store.create(experiment_of(name))
    writer = EventWriter(run.events_path)
    for event in (started_event(run.dir), *(epoch_event(epoch) for epoch in range(10))):
        writer.write(event)
    writer.write(RunFinished(seconds=400.0, best_epoch=9))
    writer.close()
    write_exit(run.dir, ExitRecord(reason="finished", ended_at=1.0, code=0))
    write_summary(run)
    ticks = ticks_now()
    for number in range(1, count):
        run_id = run_id_at(ticks - number)
        copy = shutil.copytree(run.dir, run.dir.with_name(run_id))
        for path in copy.glob("*.json*"):
            path.write_text(path.read_text().replace(run.run_id, run_id))


def long_log(folder: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    """Measure opening and searching a long log, vs. toolong."""
    log = logs.write_log(folder / "rank_0.log", arguments.lines)
    return logs.measure(log, logs.prepare(), max(1, arguments.repeats // 2))


# figures -----------------------------------------------------------------------------------------


def summaries(presses: Presses) -> dict[str, dict[str, float]]:
    """Summarise the presses of each action and of all."""
    actions = dict.fromkeys(each[0] for each in presses)
    by_action = {action: summary([each for each in presses if each[0] == action]) for action in actions}
    return {**by_action, "all": summary(presses)}


def summary(presses: Presses) -> dict[str, float]:
    """Return the number of presses, and ms until painted, until settled, and of CPU time until then."""
    painted, settled, cpu = ([each[column] for each in presses] for column in (1, 2, 3))
    figures = {"p50": quantile(painted, 0.5), "p99": quantile(painted, 0.99), "max": max(painted)}
    figures |= {
        "settled_p50": quantile(settled, 0.5),
        "settled_p99": quantile(settled, 0.99),
        "cpu_p50": quantile(cpu, 0.5),
    }
    return {"keys": len(presses), **{name: round(value, 1) for name, value in figures.items()}}


def quantile(values: Sequence[float], fraction: float) -> float:
    """Return the smallest value that `fraction` of all values do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, -int(-fraction * len(ordered) // 1) - 1)]


def ratio(ours: dict[str, float], bare: dict[str, float]) -> float:
    """Divide our median by that of the bare table."""
    return round(ours["p50"] / bare["p50"], 2)


def as_table(results: dict[str, Any]) -> str:
    """Format the figures as text."""
    lines = []
    if "first_paint" in results:
        lines += [startup.as_table(results["first_paint"]), ""]
    for part, title in (
        ("stream", "{runs} runs report {hertz} times per second"),
        ("many", "{folders:,} runs"),
    ):
        if part in results:
            lines += [*_keys(title.format(**results), results[part]), ""]
    if "log" in results:
        lines += [logs.as_table(results["log"]), ""]
    return "\n".join(lines)


def _keys(title: str, part: dict[str, Any]) -> list[str]:
    lines = [
        f"{title + ': ms until painted':44}{'keys':>6}{'p50':>9}{'p99':>9}{'max':>9}{'cpu p50':>9}{'p99':>8}"
    ]
    rows = {**part["keys"], "down, up in a bare table": part["bare"]["down, up"]}
    rows |= {f"{name}, first round": row for name, row in part.get("first", {}).items() if name == "all"}
    for name, row in rows.items():
        figures = "".join(
            f"{row[key]:9.1f}" for key in ("p50", "p99", "max", "settled_p50", "settled_p99", "cpu_p50")
        )
        lines.append(f"{name:44}{row['keys']:6}{figures}")
    lines.append(f"down, up: {part['moves_ratio']} × a bare table")
    lines += [f"{name}: {value:.2f}" for name, value in part.get("seconds", {}).items()]
    if "goal_ms" in part:
        lines.append(f"p99 below {part['goal_ms']:g} ms: {'yes' if part['goal_met'] else 'no'}")
    return lines


if __name__ == "__main__":
    main()
