"""Measures how long a data set takes to load, cold and warm, and its peak memory.

MovieLens 100K and 1M are read from $B4R_TEST_DATA or ../shared/data and skipped if missing; a file in the format of
MovieLens 20M is generated in a temporary folder. Each load is a separate process, timed without the start of Python and
its imports. Cold: nothing is cached. Warm: from the cache of an earlier process.

    python -m benchmarks.data [--rows N] [--repeats N] [--json]
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv

ROOT = Path(__file__).resolve().parents[1]
USERS, ITEMS = 138_493, 26_744  # of MovieLens 20M
CHUNK_ROWS = 1 << 21
LOAD = """\
import json, sys, time
from pathlib import Path

import pandas

from engine.contract.config.data import DataConfig
from engine.data.load import load_dataset

config = DataConfig(dataset_name=sys.argv[1], dataset_path=sys.argv[2])
start = time.perf_counter()
dataset = load_dataset(config, Path(sys.argv[3]))
seconds = time.perf_counter() - start
peak = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
print(json.dumps([seconds, int(peak.split()[1]) / 2**10, dataset.num_interactions]))
"""


@dataclass(frozen=True)
class Loaded:
    """Median seconds, and peak resident memory of the cold load in MiB, with their limits."""

    name: str
    rows: int
    cold: float
    warm: float
    peak_mb: float
    cold_limit: float | None = None
    warm_limit: float | None = None
    peak_limit: float | None = None


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=20_000_000, help="rows of the generated file; 0: none")
    parser.add_argument(
        "--repeats", type=int, default=3, help="cold and warm loads each; generated file: one cold"
    )
    parser.add_argument("--json", action="store_true", help="JSON instead of a table")
    arguments = parser.parse_args()
    results = list(measure_all(arguments.rows, arguments.repeats))
    about = {"cpus": os.cpu_count(), "load": os.getloadavg()[0]}
    if arguments.json:
        print(json.dumps({**about, "results": [asdict(result) for result in results]}, indent=1))
    else:
        print(as_table(results))
        print(f"{about['cpus']} CPUs, load {about['load']:.1f}; limits in brackets")


def measure_all(rows: int, repeats: int) -> Iterator[Loaded]:
    """Measure the real data sets that exist, then the generated one."""
    data = Path(os.environ.get("B4R_TEST_DATA") or ROOT.parent / "shared" / "data")
    if (data / "ml-100k").is_dir():
        yield measure("ml-100k", data / "ml-100k", repeats, repeats)
    if (data / "ml-1m").is_dir():
        yield measure("ml-1m", data / "ml-1m", repeats, repeats, cold_limit=3.0, warm_limit=0.2)
    if rows:
        with tempfile.TemporaryDirectory() as folder:
            write_ml_20m(Path(folder) / "ratings.csv", rows)
            yield measure("ml-20m", Path(folder), 1, repeats, cold_limit=60.0, peak_limit=4096.0)


def measure(name: str, path: Path, cold: int, warm: int, **limits: float) -> Loaded:
    """Load a data set `cold` times without a cache, then `warm` times from the last cache."""
    colds = []
    with tempfile.TemporaryDirectory() as folder:
        for number in range(cold):
            cache = Path(folder) / str(number)
            colds.append(load(name, path, cache))
        warms = [load(name, path, cache)[0] for _ in range(warm)]
    return Loaded(
        name,
        colds[0][2],
        round(statistics.median(seconds for seconds, _, _ in colds), 3),
        round(statistics.median(warms), 4),
        round(max(peak for _, peak, _ in colds), 1),
        **limits,
    )


def load(name: str, path: Path, cache: Path) -> tuple[float, float, int]:
    """Return seconds, peak MiB and interactions of one load in a new process."""
    completed = subprocess.run(
        [sys.executable, "-c", LOAD, name, str(path), str(cache)],
        check=True,
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=os.environ | {"B4R_CACHE": str(cache)},
    )
    seconds, peak, rows = json.loads(completed.stdout)
    return seconds, peak, rows


def write_ml_20m(path: Path, rows: int) -> None:
    """Write a file as large and as skewed as MovieLens 20M: by user, then item; random times and ratings."""
    generator = np.random.default_rng(0)
    weights = generator.lognormal(0.0, 1.2, USERS)
    ends = np.cumsum(weights) / weights.sum() * rows
    with path.open("wb") as file:
        file.write(b"userId,movieId,rating,timestamp\n")
        for start in range(0, rows, CHUNK_ROWS):
            numbers = np.arange(start, min(start + CHUNK_ROWS, rows))
            users = np.searchsorted(ends, numbers, side="right") + 1
            items = (ITEMS * generator.random(len(numbers)) ** 3).astype(np.int64) * 5 + 1
            order = np.lexsort((items, users))
            ratings = generator.integers(1, 11, len(numbers)) / 2.0
            times = generator.integers(789_652_009, 1_427_784_002, len(numbers))
            table = pa.table({"u": users[order], "i": items[order], "r": ratings, "t": times})
            pyarrow.csv.write_csv(table, file, pyarrow.csv.WriteOptions(include_header=False))


def as_table(results: list[Loaded]) -> str:
    """Format the figures as text."""
    lines = [f"{'':10}{'interactions':>14}{'cold':>18}{'warm':>18}{'peak memory':>22}"]
    for result in results:
        cold = f"{result.cold:.2f} s{_limit(result.cold_limit, 's')}"
        warm = f"{result.warm:.3f} s{_limit(result.warm_limit, 's')}"
        peak = f"{result.peak_mb:,.0f} MiB{_limit(result.peak_limit, 'MiB')}"
        lines.append(f"{result.name:10}{result.rows:14,}{cold:>18}{warm:>18}{peak:>22}")
    return "\n".join(lines)


def _limit(value: float | None, unit: str) -> str:
    return "" if value is None else f" [{value:g} {unit}]"


if __name__ == "__main__":
    main()
