"""How fast we train, beside RecBole's, RecTools' and TorchRec's BERT4Rec: one run, in turns.

Configuration A is MovieLens 1M with sequences of 200, emb_dim 64 and batches of 128; B the same data with 16,
128 and 8, as in the original's train.sh; C Amazon Beauty with 50, 64 and 128. All have 2 layers, 2 heads,
mask_prob 0.2, dropout 0.1, a feed-forward of 4 × emb_dim, full softmax over all items and Adam, on CPU with a
thread a core.

One **sequence** is one training window for everyone: at most max_len interactions of a user in a row, the
first window of a user ending at the last training interaction and the others sliding back by a tenth of
max_len. What the libraries would do by themselves differs, so that it is set aside: RecBole makes a sequence
of each prefix of a history and RecTools one of each user's latest items, so they are given these windows
ready-made, through files of sequences and through a made-up user for each window; TorchRec's example cuts the
same windows itself. Of more than 50,000 windows RecBole and RecTools get that many, drawn at random, which is
kind to their preparation and memory.

A round starts each program anew, one after another, and lets it train for some seconds after a warm-up. Speed
is steps ended times batch size by seconds, loading of batches included. Ours is `python -m engine.train` on a
run folder, watched through the events that any run writes; peers' steps are counted by torch's own hook on
optimisers. Time to the first step is from the start of the process, reading and preparing the data included,
memory the largest resident set of the process. Of all rounds the median speed is shown, the shortest time and
the largest memory. The share of the peak is that of useful work (useful_work.py) in what this machine does in
a large fp32 matrix product in the same run. Ours runs in fp32, its default, and with `precision = "auto"`, which
takes bf16 where its probe finds a gain; RecBole (`enable_amp`) and RecTools (`bf16-mixed` of its trainer) in fp32
and in bf16. TorchRec's example has no setting for it. The best peer is the best of all of these.

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
    some_windows,
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

OURS = {"b4r-tui": "fp32", "b4r-tui, precision auto": "auto"}  # by the precision it trains in
ROOT = Path(__file__).resolve().parents[1]
HERE = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Contestant:
    """A library in one configuration. run: one round in a fresh folder, for so many seconds."""

    name: str
    run: Callable[[Path, float], Figures]


def main() -> None:
    """Measure, print, and write the JSON that the charts are made from."""
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
    parser.add_argument("--seconds", type=float, default=20.0, help="training measured a round (20)")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of each program (3)")
    parser.add_argument("--ours-only", action="store_true", help="without the peers")
    parser.add_argument("--json", type=Path, help="file for the results")
    arguments = parser.parse_args()
    for name in arguments.config:
        if not (file := arguments.data / CONFIGURATIONS[name].file).is_file():
            sys.exit(
                f"{file} is not there, which configuration {name} needs; name the data sets' folder by --data"
            )
    return arguments


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """All figures of all configurations."""
    if not arguments.ours_only:
        peers.install()
    peak = {kind: gemm_peak(threads(), kind) for kind in ("float32", "bfloat16")}
    found = {name: measure_one(CONFIGURATIONS[name], arguments, peak["float32"]) for name in arguments.config}
    return {
        **about(),
        "seconds": arguments.seconds,
        "rounds": arguments.rounds,
        "gemm_flops": peak["float32"],
        "gemm_flops_bf16": peak["bfloat16"],
        "results": found,
    }


def measure_one(configuration: Configuration, arguments: argparse.Namespace, peak: float) -> dict[str, Any]:
    """One configuration: rounds of all contestants in turns."""
    experiment = configuration.experiment(arguments.data.resolve(), threads())
    dataset = load_dataset(experiment.data)  # fills the cache too, as any earlier run would have
    with tempfile.TemporaryDirectory(prefix="train-") as name:
        folder = Path(name)
        data = arguments.data.resolve()
        contestants = [Contestant(each, partial(ours, configuration, data, OURS[each])) for each in OURS]
        if not arguments.ours_only:
            contestants += prepare_peers(folder, configuration, dataset, arguments.torchrec)
        rounds = run_rounds(contestants, folder, arguments.seconds, arguments.rounds)
    rows = {name: row_of(found, configuration.batch) for name, found in rounds.items()}
    work = work_of(configuration, dataset)
    return {
        "title": configuration.title,
        "goal": configuration.goal,
        "libraries": rows,
        **work,
        "ours": {
            each: {**share_of(rows[each], work["flops_per_sequence"], peak), **compared(rows, each)}
            for each in OURS
        },
    }


def prepare_peers(
    folder: Path, configuration: Configuration, dataset: Dataset, torchrec: Path | None
) -> list[Contestant]:
    """Write each peer's files once, outside of what is timed."""
    inputs = folder / "inputs"
    windows = some_windows(dataset, configuration.max_len)
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
    """Figures of every round, or why there are none; who has failed once is left out of the later rounds."""
    found: dict[str, list[Figures | str]] = {contestant.name: [] for contestant in contestants}
    for number in range(rounds):
        for place, contestant in enumerate(contestants):
            if any(isinstance(figures, str) for figures in found[contestant.name]):
                continue
            round_folder = folder / f"round-{number}-{place}"
            round_folder.mkdir()
            try:
                found[contestant.name].append(contestant.run(round_folder, seconds))
            except NoFigures as reason:
                found[contestant.name].append(str(reason))
            print(f"round {number + 1}, {contestant.name}: {found[contestant.name][-1]}", file=sys.stderr)
    return found


def ours(configuration: Configuration, data: Path, precision: str, folder: Path, seconds: float) -> Figures:
    """A real run of the engine, in the environment that the launcher gives its ranks."""
    run = RunStore(folder / "runs").create(configuration.experiment(data, threads(), precision))
    command = [sys.executable, "-m", "engine.train", str(run.dir)]
    env = environment() | torchrun.DEFAULTS | {"PYTHONPATH": str(ROOT)}
    return race(command, folder, lambda: steps_of(run.events_path, configuration), seconds, env)


def steps_of(events: Path, configuration: Configuration) -> list[Mark]:
    """When how many steps of the first epoch were done, as the run's events say."""
    if not events.exists():
        return []
    return [
        (record.t, record.event.step)
        for record in read_events(events)
        if isinstance(record.event, Progress) and record.event.phase == "train" and record.event.epoch == 0
    ]


def peer(command: list[str], inputs: Path, batch: int, folder: Path, seconds: float) -> Figures:
    """A peer's program in a folder with its files, none of them copied."""
    for path in inputs.iterdir():
        (folder / path.name).symlink_to(path)
    return race(command, folder, lambda: step_clock.read(folder / "steps.jsonl"), seconds, environment())


def row_of(rounds: list[Figures | str], batch: int) -> dict[str, Any]:
    """One library's line: of its rounds the median speed, the shortest start and the largest memory."""
    failed = [found for found in rounds if isinstance(found, str)]
    figures = [found for found in rounds if isinstance(found, Figures)]
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
    """What a sequence is in this configuration, and its useful operations."""
    windows = cut_windows(dataset, configuration.max_len)
    work = expected_work(windows.ends - windows.starts, configuration.mask_prob)
    return {
        "windows": len(windows),
        "items": dataset.num_items,
        "tokens_per_sequence": round(work.tokens, 2),
        "masked_per_sequence": round(work.masked, 2),
        "flops_per_sequence": flops(work, dataset.num_items, configuration.emb_dim, configuration.num_layers),
    }


def share_of(row: dict[str, Any], flops_per_sequence: float, peak: float) -> dict[str, float]:
    """A row's useful operations a second, and their share of the machine's fp32 peak."""
    rate = flops_per_sequence * row.get("sequences_per_second", 0.0)
    return {"useful_flops": rate, "share_of_peak": round(rate / peak, 4)}


def compared(rows: dict[str, dict[str, Any]], mine: str) -> dict[str, float | None]:
    """One of ours by the best peer's: how often as fast, and which part of the leanest one's memory."""
    others = [row for name, row in rows.items() if name not in OURS and "failed" not in row]
    if not others or "failed" in rows[mine]:
        return {"speed_ratio": None, "memory_ratio": None, "first_step_ratio": None}
    ours_row = rows[mine]
    fastest = max(row["sequences_per_second"] for row in others)
    return {
        "speed_ratio": round(ours_row["sequences_per_second"] / fastest, 2),
        "memory_ratio": round(ours_row["peak_mb"] / min(row["peak_mb"] for row in others), 3),
        "first_step_ratio": round(
            ours_row["first_step_seconds"] / min(row["first_step_seconds"] for row in others), 3
        ),
    }


def as_table(results: dict[str, Any]) -> str:
    """The figures for people."""
    lines = [f"{'':3}{'library':26}{'sequences/s':>12}{'first step':>12}{'peak memory':>14}{'auto ×':>9}"]
    for name, found in results["results"].items():
        lines += _lines(name, found)
    lines.append(
        f"{results['cpus']} CPUs, {results['threads']} threads, load {results['load']}; "
        f"matrix product {results['gemm_flops'] / 1e9:,.0f} GFLOP/s in fp32, "
        f"{results['gemm_flops_bf16'] / 1e9:,.0f} in bf16"
    )
    return "\n".join(lines)


def _lines(name: str, found: dict[str, Any]) -> list[str]:
    mine = found["libraries"][list(OURS)[-1]].get("sequences_per_second")
    lines = []
    for library, row in found["libraries"].items():
        if "failed" in row:
            lines.append(f"{name:3}{library:26}failed: {row['failed']}")
            continue
        ratio = f"{mine / row['sequences_per_second']:9.2f}" if mine else ""
        lines.append(
            f"{name:3}{library:26}{row['sequences_per_second']:12,.1f}{row['first_step_seconds']:10.1f} s"
            f"{row['peak_mb']:10,.0f} MiB{ratio}"
        )
    return [*lines, *(_summary(name, found, each) for each in found["ours"])]


def _summary(name: str, found: dict[str, Any], mine: str) -> str:
    ours_row = found["ours"][mine]
    summary = (
        f"{name}: {found['title']}, {mine}; {ours_row['share_of_peak']:.0%} of the fp32 peak in useful work"
    )
    if ours_row["speed_ratio"] is None:
        return summary
    return (
        f"{summary}; {ours_row['speed_ratio']} × the best peer (goal {found['goal']:g} ×), "
        f"{ours_row['memory_ratio']:.0%} of the leanest peer's memory"
    )


if __name__ == "__main__":
    main()
