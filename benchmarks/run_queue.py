"""Measures what the queue costs: memory of the runner with many queued runs, overhead per run, and listing thousands.

    python -m benchmarks.run_queue [--queued 1000] [--started 20] [--folders 10000] [--real 2] [--json]

The runner's memory is measured once it has read `queued` runs that wait for a running one. Then `started` runs whose
script does nothing run one by one under a stand-in for torchrun that only starts the script, so that the figure is what
queue, supervisor and records add; `real` ones run under torchrun itself. `folders` generated ended runs are listed cold
(no index), warm (with it), and by `b4r-tui runs --state running` as a process.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil

from b4r_tui.runs.ids import run_id_at, ticks_now
from b4r_tui.runs.index import states_of
from b4r_tui.runs.launch import launch
from b4r_tui.runs.queue.reorder import set_paused
from b4r_tui.runs.queue.start_runner import ensure_runner
from b4r_tui.runs.records import ExitRecord, write_exit
from b4r_tui.runs.store import RunStore
from b4r_tui.runs.summary import write_summary
from engine.contract.config.experiment import Experiment

STAND_IN = "import runpy, sys\nsys.argv = sys.argv[-2:]\nrunpy.run_path(sys.argv[0], run_name='__main__')\n"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name, count in (("queued", 1000), ("started", 20), ("folders", 10_000), ("real", 2)):
        parser.add_argument(f"--{name}", type=int, default=count, help=f"number of runs ({count})")
    parser.add_argument("--json", action="store_true", help="JSON instead of a table")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        results = measure(Path(folder), arguments)
    results |= {"cpus": os.cpu_count(), "load": round(os.getloadavg()[0], 1)}
    lines = [f"{name:44}{value}" for name, value in results.items()]
    print(json.dumps(results, indent=1) if arguments.json else "\n".join(lines))


def measure(folder: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    """Return all figures: seconds and MB (10^6 bytes)."""
    (folder / "nothing.py").touch()
    nothing = Experiment.model_validate(
        {
            "name": "nothing",
            "data": {"dataset_name": "synthetic"},
            "launch": {"script": str(folder / "nothing.py")},
        }
    )
    results = measure_queued(RunStore(folder / "queued"), nothing, arguments.queued)
    results |= {
        "seconds per run, torchrun": seconds_per_run(RunStore(folder / "real"), nothing, arguments.real)
    }
    package = folder / "stand-in" / "torch" / "distributed"
    package.mkdir(parents=True)
    for init in (package.parent, package):
        (init / "__init__.py").touch()
    (package / "run.py").write_text(STAND_IN)
    os.environ["PYTHONPATH"] = os.pathsep.join([str(folder / "stand-in"), os.environ.get("PYTHONPATH", "")])
    results |= {
        "seconds per run, stand-in": seconds_per_run(RunStore(folder / "started"), nothing, arguments.started)
    }
    return results | measure_listing(RunStore(folder / "listed"), nothing, arguments.folders)


def measure_queued(store: RunStore, nothing: Experiment, count: int) -> dict[str, Any]:
    """Launch many runs behind one that sleeps, and measure the runner."""
    (first,) = launch(store, [nothing])
    while not first.state.ended:
        time.sleep(0.05)
    sleeps = first.dir.parent / "sleeps.py"
    sleeps.write_text("import time; time.sleep(3600)")
    script = nothing.launch.model_copy(update={"script": str(sleeps)})
    (first,) = launch(store, [nothing.model_copy(update={"launch": script})])
    start = time.monotonic()
    launch(store, [nothing] * count)
    launch_seconds = time.monotonic() - start
    ensure_runner(store.root)
    time.sleep(3.0)
    runner = next(
        each
        for each in psutil.process_iter()
        if _command(each)[2:] == ["b4r_tui.runs.queue.runner", str(store.root)]
    )
    before = sum(runner.cpu_times()[:2])
    time.sleep(5.0)
    busy = (sum(runner.cpu_times()[:2]) - before) / 5.0
    memory = runner.memory_full_info()
    children = len(runner.children())
    set_paused(store, [], True)
    subprocess.run(
        [sys.executable, "-m", "b4r_tui", "--runs", str(store.root), "stop", first.run_id], check=True
    )
    runner.terminate()
    return {
        "queued runs": count,
        "seconds to queue one": round(launch_seconds / count, 4),
        "runner's memory, MB (resident)": round(memory.rss / 1e6, 1),
        "runner's memory, MB (unshared)": round(memory.uss / 1e6, 1),
        "processes of the queue except the running run's": 1 + children - 1,
        "runner's share of a core while it waits": round(busy, 3),
    }


def seconds_per_run(store: RunStore, nothing: Experiment, count: int) -> float | None:
    """Return the seconds from the start of the first to the end of the last, divided by their number."""
    if not count:
        return None
    runs = launch(store, [nothing] * count)
    while not all(run.state.ended for run in runs):
        time.sleep(0.1)
    states = {str(run.state) for run in runs}
    assert states == {"finished"}, [run.exit() for run in runs]
    starts, ends = [run.status() for run in runs], [run.exit() for run in runs]
    first = min(status.started_at or 0.0 for status in starts if status)
    return round((max(ended.ended_at for ended in ends if ended) - first) / count, 3)


def measure_listing(store: RunStore, nothing: Experiment, count: int) -> dict[str, Any]:
    """Return the seconds to list runs with their states, in this process and by the command."""
    _write_ended(store, nothing, count)
    cold, warm = _listing(store), min(_listing(store) for _ in range(3))
    calls = {"runs --state running": ["--state", "running"], "runs": [], "runs, second call": []}
    command_seconds = {
        f"seconds, b4r-tui {name}": _command_seconds(store, arguments) for name, arguments in calls.items()
    }
    return {
        "listed runs": count,
        "seconds, without the index": round(cold, 3),
        "seconds, with it": round(warm, 3),
        **command_seconds,
    }


def _write_ended(store: RunStore, nothing: Experiment, count: int) -> None:
    """Write ended runs: copies of one under new IDs."""
    run = store.create(nothing)
    write_exit(run.dir, ExitRecord(reason="finished", ended_at=1.0, code=0))
    write_summary(run)
    ticks = ticks_now()
    for number in range(1, count):
        run_id = run_id_at(ticks - number)
        folder = run.dir.with_name(run_id)
        folder.mkdir()
        for path in run.dir.glob("*.*"):
            (folder / path.name).write_text(path.read_text().replace(run.run_id, run_id))


def _command_seconds(store: RunStore, arguments: list[str]) -> float:
    start = time.monotonic()
    command = [sys.executable, "-m", "b4r_tui", "--runs", str(store.root), "runs", *arguments]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return round(time.monotonic() - start, 3)


def _listing(store: RunStore) -> float:
    start = time.monotonic()
    states_of(store.root, store.runs())
    return time.monotonic() - start


def _command(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


if __name__ == "__main__":
    main()
