"""Measures start-up: `b4r-tui --help`, the import of the command line, and the app's first paint.

The first paint is measured in a pseudo-terminal, from the start of the process until the screen shows the
pane of experiments, vs. a Textual app that shows one word. Medians; the two alternate.

    python benchmarks/startup.py [--repeats N] [--json]
"""

from __future__ import annotations

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pexpect
import pyte

BIN = Path(sys.executable).parent
LIMIT = 0.5  # seconds to the first paint
PRIVATE = re.compile(r"\x1b\[[<=>?][0-9;]*[$a-zA-Z]*[a-zA-Z]")  # sequences that pyte would print
HELLO = """\
from textual.app import App, ComposeResult
from textual.widgets import Static


class Hello(App[None]):
    def compose(self) -> ComposeResult:
        yield Static("Hello")


Hello().run()
"""
TOML = """\
[experiments.small]
data.dataset_name = "synthetic"
"""
IMPORT = "import time; t = time.perf_counter(); import b4r_tui.commands.main; print(time.perf_counter() - t)"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=9, help="measurements of each (9)")
    parser.add_argument("--json", action="store_true", help="JSON instead of a table")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        results = measure(Path(folder), arguments.repeats)
    print(json.dumps(results, indent=1) if arguments.json else as_table(results))


def measure(folder: Path, repeats: int) -> dict[str, object]:
    """Return all figures in seconds, and the ratio of the app's first paint to the bare one's."""
    (folder / "experiments.toml").write_text(TOML)
    (folder / "hello.py").write_text(HELLO)
    app, hello = [str(BIN / "b4r-tui")], [sys.executable, "hello.py"]
    measures: dict[str, Callable[[], float]] = {
        "b4r-tui --help": help_seconds,
        "import the command line": import_seconds,
        "first paint, Textual hello": lambda: first_paint(hello, "Hello", folder),
        "first paint, b4r-tui": lambda: first_paint(app, "Experiments", folder),
        "experiments listed, b4r-tui": lambda: first_paint(app, "small", folder),
    }
    for measure_once in measures.values():  # fill the file cache
        measure_once()
    samples = {name: [measure_once()] for name, measure_once in measures.items()}
    for _ in range(repeats - 1):
        for name, measure_once in measures.items():
            samples[name].append(measure_once())
    medians = {name: statistics.median(times) for name, times in samples.items()}
    ratio = medians["first paint, b4r-tui"] / medians["first paint, Textual hello"]
    return {
        "repeats": repeats,
        "cpus": os.cpu_count(),
        "load": os.getloadavg()[0],
        "seconds": {name: round(value, 4) for name, value in medians.items()},
        "fastest": {name: round(min(times), 4) for name, times in samples.items()},
        "first_paint_ratio": round(ratio, 3),
        "first_paint_under_limit": medians["first paint, b4r-tui"] < LIMIT,
    }


def help_seconds() -> float:
    """Return the wall time of `b4r-tui --help`."""
    start = time.perf_counter()
    subprocess.run([BIN / "b4r-tui", "--help"], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def import_seconds() -> float:
    """Return the import time of the command line in a fresh interpreter."""
    completed = subprocess.run([sys.executable, "-c", IMPORT], check=True, capture_output=True, text=True)
    return float(completed.stdout)


def first_paint(command: list[str], text: str, folder: Path) -> float:
    """Return the seconds from the start of a terminal program until its screen shows `text`."""
    screen = pyte.Screen(120, 36)
    stream = pyte.Stream(screen)
    start = time.perf_counter()
    child = pexpect.spawn(command[0], command[1:], cwd=str(folder), dimensions=(36, 120), encoding="utf-8")
    try:
        while not any(text in line for line in screen.display):
            stream.feed(PRIVATE.sub("", child.read_nonblocking(65536, timeout=20)))
        return time.perf_counter() - start
    finally:
        child.close(force=True)


def as_table(results: dict[str, object]) -> str:
    """Format the figures as text."""
    seconds, fastest = results["seconds"], results["fastest"]
    assert isinstance(seconds, dict) and isinstance(fastest, dict)
    lines = [f"{'':30}{'median':>9}{'fastest':>10}"]
    lines += [f"{name:30}{value:8.3f}s{fastest[name]:9.3f}s" for name, value in seconds.items()]
    lines += [
        f"first paint: {results['first_paint_ratio']} × a bare Textual app",
        f"{results['repeats']} repeats on {results['cpus']} CPUs, load {results['load']:.1f}",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
