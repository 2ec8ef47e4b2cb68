"""Measures opening a log of a million lines vs. toolong: CPU and wall-clock seconds, and memory.

Ours: index, levels, searches (words and regular expression) and a filter as in the app's worker, and the app's first
paint of the log's end. Toolong's: its scan for line breaks and its search of lines. Each is a fresh process, the two
alternate; toolong is installed into a separate environment.

    python -m benchmarks.logs [--lines N] [--repeats N] [--json]
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

HOME = Path(tempfile.gettempdir()) / "b4r-tui-toolong"
REQUIREMENT = "toolong==1.5.0"
WORDS, REGEX = "step 999999", r"step \d+7 loss 0\.99"

OURS = """
import asyncio, json, resource, sys, time
from pathlib import Path
from b4r_tui.runs.logs.levels import Level
from b4r_tui.runs.logs.matches import Filter
from b4r_tui.runs.logs.query import Query
from b4r_tui.runs.logs.reading import Reading, Wish
from textual.app import App
from b4r_tui.app.widgets.log.lines import LogLines

path, words, regex = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
reading, seconds = Reading(lambda: [path]), {}

def timed(name, work):
    clock, cpu = time.perf_counter(), time.process_time()
    work()
    seconds[name] = [time.perf_counter() - clock, time.process_time() - cpu]

def index():
    while not reading.page().count or reading.page().share_read < 1:
        reading.work(0)

def settle(wish=None):
    if wish:
        reading.wish(wish)
    while reading.work(0.1):
        pass

class Viewer(App):
    def compose(self):
        yield LogLines()

async def paint():
    app = Viewer()
    async with app.run_test(size=(120, 36)) as pilot:
        lines = app.query_one(LogLines)
        clock, cpu = time.perf_counter(), time.process_time()
        index()
        lines.show(reading.page())
        await pilot.pause()
        last = lines.render_line(lines.size.height - 1).text
        seconds["open and first paint of the end"] = [time.perf_counter() - clock, time.process_time() - cpu]
        assert "step" in last

asyncio.run(paint())
reading = Reading(lambda: [path])
timed("find all line ends", index)
timed("levels of all lines", settle)
timed("search words", lambda: settle(Wish(searched=Query(words))))
hits = len(reading.page().hits)
timed("search a regular expression", lambda: settle(Wish(searched=Query(regex, True))))
timed("filter by level", lambda: settle(Wish(Filter(level=Level.WARNING))))
memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps({"seconds": seconds, "memory_mb": memory, "lines": reading.page().count, "hits": hits}))
"""
TOOLONG = """
import json, mmap, re, resource, sys, threading, time
from toolong.log_file import LogFile

path, words, regex = sys.argv[1], sys.argv[2], sys.argv[3]
seconds = {}

def timed(name, work):
    clock, cpu = time.perf_counter(), time.process_time()
    result = work()
    seconds[name] = [time.perf_counter() - clock, time.process_time() - cpu]
    return result

log = LogFile(path)
log.open(threading.Event())

def ends():  # it counts the end of the file as one more
    ends = []
    for _, breaks in log.scan_line_breaks():
        ends += breaks
    return ends[::-1]

def search(test):
    start, count = 0, 0
    for end in breaks:
        count += test(log.get_line(start, end))
        start = end + 1
    return count

breaks = timed("find all line ends", ends)
hits = timed("search words", lambda: search(lambda line: words in line.lower()))
pattern = re.compile(regex, re.IGNORECASE)
timed("search a regular expression", lambda: search(lambda line: pattern.search(line) is not None))
memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps({"seconds": seconds, "memory_mb": memory, "lines": len(breaks) - 1, "hits": hits}))
"""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lines", type=int, default=1_000_000, help="lines of the log (1,000,000)")
    parser.add_argument("--repeats", type=int, default=3, help="measurements of each (3)")
    parser.add_argument("--json", action="store_true", help="JSON instead of a table")
    arguments = parser.parse_args()
    python = prepare()
    with tempfile.TemporaryDirectory() as folder:
        log = write_log(Path(folder) / "rank_0.log", arguments.lines)
        results = measure(log, python, arguments.repeats)
    print(json.dumps(results, indent=1) if arguments.json else as_table(results))


def prepare() -> Path:
    """Return the interpreter of toolong's environment, which is created if it is incomplete."""
    python = HOME / "bin" / "python"
    if not (HOME / "complete").exists():
        subprocess.run([sys.executable, "-m", "venv", HOME], check=True)
        subprocess.run(
            [python, "-m", "pip", "install", "--quiet", REQUIREMENT], check=True, stdout=sys.stderr
        )
        (HOME / "complete").touch()
    return python


def write_log(path: Path, lines: int) -> Path:
    """Write a log as ranks do: one warning per hundred lines, one error per hundred thousand."""
    chance = random.Random(1)
    with path.open("w") as file:
        for step in range(lines):
            level = "ERROR" if step % 100_000 == 7 else "WARNING" if step % 100 == 3 else "INFO"
            clock = f"2026-01-01 12:{step // 60 % 60:02}:{step % 60:02},123"
            loss, pace = chance.random(), chance.random() * 500
            file.write(
                f"{clock} {level} engine.training.trainer: step {step} loss {loss:.6f} seq/s {pace:.1f}\n"
            )
    return path


def measure(log: Path, python: Path, repeats: int) -> dict[str, Any]:
    """Return medians of both programs: wall-clock and CPU seconds by task, MB, and ratios of CPU seconds."""
    programs = {"b4r-tui": (Path(sys.executable), OURS), "toolong": (python, TOOLONG)}
    runs: dict[str, list[dict[str, Any]]] = {name: [] for name in programs}
    for _ in range(repeats):
        for name, (interpreter, program) in programs.items():
            runs[name].append(run(interpreter, program, log))
    checked = {
        tuple(each[key] for key in ("lines", "hits")) for all_runs in runs.values() for each in all_runs
    }
    assert len(checked) == 1, f"lines or hits differ: {checked}"
    results: dict[str, Any] = {name: medians(all_runs) for name, all_runs in runs.items()}
    ours, theirs = results["b4r-tui"]["cpu"], results["toolong"]["cpu"]
    results["ratio_of_cpu"] = {task: round(theirs[task] / ours[task], 2) for task in theirs}
    results |= {"bytes": log.stat().st_size, "lines": runs["b4r-tui"][0]["lines"], "repeats": repeats}
    return {**results, "cpus": os.cpu_count(), "load": os.getloadavg()[0]}


def run(python: Path, program: str, log: Path) -> dict[str, Any]:
    """Return what one process measures. Raises CalledProcessError."""
    command = [python, "-c", program, log, WORDS, REGEX]
    completed = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return dict(json.loads(completed.stdout.splitlines()[-1]))


def medians(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the medians over several runs of one program."""
    pairs = {task: [each["seconds"][task] for each in runs] for task in runs[0]["seconds"]}
    clock = {task: round(statistics.median(pair[0] for pair in each), 3) for task, each in pairs.items()}
    cpu = {task: round(statistics.median(pair[1] for pair in each), 3) for task, each in pairs.items()}
    return {"clock": clock, "cpu": cpu, "memory_mb": round(max(each["memory_mb"] for each in runs))}


def as_table(results: dict[str, Any]) -> str:
    """Format the figures as text."""
    ours, theirs = results["b4r-tui"], results["toolong"]
    lines = [f"{'CPU seconds (wall clock)':34}{'b4r-tui':>17}{'toolong':>17}{'ratio':>8}"]
    for task in ours["cpu"]:
        row = [
            f"{each['cpu'][task]:.2f} ({each['clock'][task]:.2f})" if task in each["cpu"] else "–"
            for each in (ours, theirs)
        ]
        ratio = results["ratio_of_cpu"].get(task)
        lines.append(f"{task:34}{row[0]:>17}{row[1]:>17}{f'{ratio:.1f} ×' if ratio else '':>8}")
    lines.append(f"{'peak memory, MB':34}{ours['memory_mb']:>17}{theirs['memory_mb']:>17}")
    size = f"{results['lines']:,} lines, {results['bytes'] / 1e6:.0f} MB"
    lines.append(
        f"{size}; {results['repeats']} repeats on {results['cpus']} CPUs, load {results['load']:.1f}"
    )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
