"""Compares our training speed with RecBole's, RecTools' and TorchRec's BERT4Rec, alternating in one run.

Configuration A is MovieLens 1M with sequences of 200, emb_dim 64 and batches of 128; B the same data with 16,
128 and 8, as in the original's train.sh; C Amazon Beauty with 50, 64 and 128. All have 2 layers, 2 heads,
mask_prob 0.2, dropout 0.1, a feed-forward of 4 × emb_dim, full softmax over all items and Adam, on CPU with one
thread per core.

One **sequence** is one training window for everyone: at most max_len consecutive interactions of a user; the
first window ends at the user's last training interaction and the others slide back by a tenth of max_len. By
default the libraries differ: RecBole makes a sequence of each prefix of a history, RecTools one of each user's
latest items. So they get these windows prepared, as files of sequences and as one artificial user per window;
TorchRec's example cuts the same windows itself. More than 50,000 windows are reduced to a random 50,000 for
RecBole and RecTools, which only saves preparation and memory.

A round starts each program afresh, one after another, and lets it train for some seconds after a warm-up. Speed
is steps × batch size ÷ seconds, including loading of batches. Ours is `python -m engine.train` on a run folder,
read from the run's events; peers' steps are counted by torch's own hook on optimisers. Time to the first step
is from the start of the process, including reading and preparing the data; memory is the peak resident set of
the process. The table has the median speed of the rounds, the shortest time and the largest memory. The share
of the peak is that of useful work (useful_work.py) relative to a large fp32 matrix product on this machine in
the same run. Ours runs in fp32, its default, and with `precision = "auto"`, which uses bf16 if its probe shows
a gain; RecBole (`enable_amp`) and RecTools (`bf16-mixed` of its trainer) in fp32 and in bf16. TorchRec's
example has no setting for it. The best peer is the best of all of these.

    python -m benchmarks.train [--config A B C] [--data FOLDER] [--torchrec CHECKOUT] [--seconds S] [--rounds N]
                               [--ours-only] [--json FILE]
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from b4r_tui.runs.store import RunStore
from b4r_tui.runs.supervision import torchrun
from benchmarks import peers, step_clock
from benchmarks.configurations import (
    CONFIGURATIONS,
    Configuration,
    sample_windows,
    write_ratings,
    write_rows,
    write_settings,
    write_windows_for_recbole,
)
from benchmarks.machine import about, environment, threads
from benchmarks.race import Figures, Mark, NoFigures, race
from benchmarks.useful_work import expected_work, flops, gemm_peak
from engine.contract.atomic_files import write_json
from engine.contract.events import Progress, read_events
from engine.data.dataset import Dataset
from engine.data.load import load_dataset
from engine.data.windows import cut_windows

OURS = {"b4r-tui": "fp32", "b4r-tui, precision auto": "auto"}  # name → training.precision
ROOT = Path(__file__).resolve().parents[1]
HERE = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Contestant:
    """A library in one configuration. run: runs one round in a new folder for some seconds."""

    name: str
    run: Callable[[Path, float], Figures]


def main() -> None:
    """Measure, print, and write the JSON for the charts."""
    arguments = _arguments()
    results = measure(arguments)
    print(as_table(results))
    if arguments.json:
        write_json(arguments.json, results)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--config", nargs="+", choices=sorted(CONFIGURATIONS), default=sorted(CONFIGURATIONS))
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("B4R_TEST_DATA", "../shared/data")))
    parser.add_argument("--torchrec", type=Path, help="checkout of TorchRec, for its example")
    parser.add_argument("--seconds", type=float, default=20.0, help="training measured per round (20)")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of each program (3)")
    parser.add_argument("--ours-only", action="store_true", help="without the peers")
    parser.add_argument("--json", type=Path, help="file for the results")
    arguments = parser.parse_args()
    for name in arguments.config:
        if not (file := arguments.data / CONFIGURATIONS[name].file).is_file():
            sys.exit(
                f"configuration {name} needs {file}, which does not exist; set the data folder with --data"
            )
    return arguments


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return all figures of all configurations."""
    if not arguments.ours_only:
        peers.install()
    peak = {dtype: gemm_peak(threads(), dtype) for dtype in ("float32", "bfloat16")}
    results = {
        name: measure_one(CONFIGURATIONS[name], arguments, peak["float32"]) for name in arguments.config
    }
    return {
        **about(),
        "seconds": arguments.seconds,
        "rounds": arguments.rounds,
        "gemm_flops": peak["float32"],
        "gemm_flops_bf16": peak["bfloat16"],
        "results": results,
    }


def measure_one(configuration: Configuration, arguments: argparse.Namespace, peak: float) -> dict[str, Any]:
    """Measure one configuration: rounds of all libraries in turn."""
    experiment = configuration.experiment(arguments.data.resolve(), threads())
    dataset = load_dataset(experiment.data)  # fills the cache, as an earlier run would have
    with tempfile.TemporaryDirectory(prefix="train-") as name:
        folder = Path(name)
        data = arguments.data.resolve()
        contestants = [Contestant(each, partial(ours, configuration, data, OURS[each])) for each in OURS]
        if not arguments.ours_only:
            contestants += prepare_peers(folder, configuration, dataset, arguments.torchrec)
        rounds = run_rounds(contestants, folder, arguments.seconds, arguments.rounds)
    rows = {name: row_of(each, configuration.batch) for name, each in rounds.items()}
    work = work_of(configuration, dataset)
    return {
        "title": configuration.title,
        "goal": configuration.goal,
        "libraries": rows,
        **work,
        "ours": {
            each: {**useful_share(rows[each], work["flops_per_sequence"], peak), **ratios(rows, each)}
            for each in OURS
        },
    }


def prepare_peers(
    folder: Path, configuration: Configuration, dataset: Dataset, torchrec: Path | None
) -> list[Contestant]:
    """Write each peer's files once, outside the timed part."""
    inputs = folder / "inputs"
    windows = sample_windows(dataset, configuration.max_len)
    write_windows_for_recbole(inputs / "windows", dataset, windows)
    write_rows(inputs / "windows.npz", dataset, windows)
    write_settings(inputs, configuration)
    contestants = [
        Contestant(
            name if precision == "fp32" else f"{name}, {precision}",
            partial(peer, [str(peers.PYTHON), str(HERE / program), precision], inputs, configuration.batch),
        )
        for name, program in peers.TRAINING_PROGRAMS.items()
        for precision in ("fp32", "bf16")
    ]
    if torchrec:
        write_ratings(inputs / "ratings.dat", dataset)
        example = torchrec.resolve() / "examples" / "bert4rec"
        program = [sys.executable, str(HERE / "peer_torchrec.py"), str(example)]
        contestants += [
            Contestant(
                f"TorchRec's example, {mode}", partial(peer, [*program, mode], inputs, configuration.batch)
            )
            for mode in ("ddp", "dmp")
        ]
    return contestants


def run_rounds(
    contestants: list[Contestant], folder: Path, seconds: float, rounds: int
) -> dict[str, list[Figures | str]]:
    """Return the figures of every round, or why there are none; a program that failed is not run again."""
    figures: dict[str, list[Figures | str]] = {contestant.name: [] for contestant in contestants}
    for number in range(rounds):
        for position, contestant in enumerate(contestants):
            if any(isinstance(each, str) for each in figures[contestant.name]):
                continue
            round_folder = folder / f"round-{number}-{position}"
            round_folder.mkdir()
            try:
                figures[contestant.name].append(contestant.run(round_folder, seconds))
            except NoFigures as reason:
                figures[contestant.name].append(str(reason))
            print(f"round {number + 1}, {contestant.name}: {figures[contestant.name][-1]}", file=sys.stderr)
    return figures


def ours(configuration: Configuration, data: Path, precision: str, folder: Path, seconds: float) -> Figures:
    """Run the engine in the environment that the launcher gives its ranks."""
    run = RunStore(folder / "runs").create(configuration.experiment(data, threads(), precision))
    command = [sys.executable, "-m", "engine.train", str(run.dir)]
    env = environment() | torchrun.DEFAULTS | {"PYTHONPATH": str(ROOT)}
    return race(command, folder, lambda: steps_of(run.events_path, configuration), seconds, env)


def steps_of(events: Path, configuration: Configuration) -> list[Mark]:
    """Read the marks of the first epoch from the run's events."""
    if not events.exists():
        return []
    return [
        (record.t, record.event.step)
        for record in read_events(events)
        if isinstance(record.event, Progress) and record.event.phase == "train" and record.event.epoch == 0
    ]


def peer(command: list[str], inputs: Path, batch: int, folder: Path, seconds: float) -> Figures:
    """Run a peer's program in a folder with links to its files."""
    for path in inputs.iterdir():
        (folder / path.name).symlink_to(path)
    return race(command, folder, lambda: step_clock.read(folder / "steps.jsonl"), seconds, environment())


def row_of(rounds: list[Figures | str], batch: int) -> dict[str, Any]:
    """Return one library's row: the median speed of its rounds, the shortest start and the largest memory."""
    failed = [each for each in rounds if isinstance(each, str)]
    figures = [each for each in rounds if isinstance(each, Figures)]
    if failed or not figures:
        return {"failed": (failed or ["no round was run"])[0]}
    return {
        "sequences_per_second": round(batch * statistics.median(f.steps_per_second for f in figures), 1),
        "best": round(batch * max(f.steps_per_second for f in figures), 1),
        "first_step_seconds": round(min(f.first_step for f in figures), 2),
        "peak_mb": round(max(f.peak_mb for f in figures), 1),
        "rounds": [asdict(f) for f in figures],
    }


def work_of(configuration: Configuration, dataset: Dataset) -> dict[str, Any]:
    """Return the size of a sequence in this configuration, and its useful operations."""
    windows = cut_windows(dataset, configuration.max_len)
    work = expected_work(windows.ends - windows.starts, configuration.mask_prob)
    return {
        "windows": len(windows),
        "items": dataset.num_items,
        "tokens_per_sequence": round(work.tokens, 2),
        "masked_per_sequence": round(work.masked, 2),
        "flops_per_sequence": flops(work, dataset.num_items, configuration.emb_dim, configuration.num_layers),
    }


def useful_share(row: dict[str, Any], flops_per_sequence: float, peak: float) -> dict[str, float]:
    """Return a row's useful operations per second, and their share of the machine's fp32 peak."""
    rate = flops_per_sequence * row.get("sequences_per_second", 0.0)
    return {"useful_flops": rate, "share_of_peak": round(rate / peak, 4)}


def ratios(rows: dict[str, dict[str, Any]], mine: str) -> dict[str, float | None]:
    """Return ratios of one of our rows: speed to the best peer's, memory to the leanest, start to the fastest."""
    peer_rows = [row for name, row in rows.items() if name not in OURS and "failed" not in row]
    if not peer_rows or "failed" in rows[mine]:
        return {"speed_ratio": None, "memory_ratio": None, "first_step_ratio": None}
    ours_row = rows[mine]
    fastest = max(row["sequences_per_second"] for row in peer_rows)
    return {
        "speed_ratio": round(ours_row["sequences_per_second"] / fastest, 2),
        "memory_ratio": round(ours_row["peak_mb"] / min(row["peak_mb"] for row in peer_rows), 3),
        "first_step_ratio": round(
            ours_row["first_step_seconds"] / min(row["first_step_seconds"] for row in peer_rows), 3
        ),
    }


def as_table(results: dict[str, Any]) -> str:
    """Format the figures as text."""
    lines = [f"{'':3}{'library':26}{'sequences/s':>12}{'first step':>12}{'peak memory':>14}{'auto ×':>9}"]
    for name, configuration in results["results"].items():
        lines += _lines(name, configuration)
    lines.append(
        f"{results['cpus']} CPUs, {results['threads']} threads, load {results['load']}; "
        f"matrix product {results['gemm_flops'] / 1e9:,.0f} GFLOP/s in fp32, "
        f"{results['gemm_flops_bf16'] / 1e9:,.0f} in bf16"
    )
    return "\n".join(lines)


def _lines(name: str, configuration: dict[str, Any]) -> list[str]:
    mine = configuration["libraries"][list(OURS)[-1]].get("sequences_per_second")
    lines = []
    for library, row in configuration["libraries"].items():
        if "failed" in row:
            lines.append(f"{name:3}{library:26}failed: {row['failed']}")
            continue
        ratio = f"{mine / row['sequences_per_second']:9.2f}" if mine else ""
        lines.append(
            f"{name:3}{library:26}{row['sequences_per_second']:12,.1f}{row['first_step_seconds']:10.1f} s"
            f"{row['peak_mb']:10,.0f} MiB{ratio}"
        )
    return [*lines, *(_summary(name, configuration, each) for each in configuration["ours"])]


def _summary(name: str, configuration: dict[str, Any], mine: str) -> str:
    ours_row = configuration["ours"][mine]
    work = f"{ours_row['share_of_peak']:.0%} of the fp32 peak in useful work"
    summary = f"{name}: {configuration['title']}, {mine}; {work}"
    if ours_row["speed_ratio"] is None:
        return summary
    return (
        f"{summary}; {ours_row['speed_ratio']} × the best peer (goal {configuration['goal']:g} ×), "
        f"{ours_row['memory_ratio']:.0%} of the leanest peer's memory"
    )


if __name__ == "__main__":
    main()
