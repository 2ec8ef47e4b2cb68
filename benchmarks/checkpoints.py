"""Measures what checkpoints cost: seconds for which saving pauses training per epoch, vs. those of the epoch itself.

    python -m benchmarks.checkpoints [--cases small dmp …] [--data FOLDER] [--rounds N] [--json FILE]

`small` is MovieLens 1M in --data; the other cases use the data set `random` with half a million items. The engine's own
code runs on real torchrun ranks. Some steps are timed alone, then after an epoch's checkpoints are saved as the engine
does it, then while a thread writes the same checkpoints (`benchmarks.background_save`).
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path
from typing import Any

from b4r_tui.runs.supervision import torchrun
from benchmarks.machine import about, threads
from engine.contract.atomic_files import write_json

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Case:
    """A training job. threads: per rank, None for a share of the cores; steps: number timed, about 10 s."""

    title: str
    mode: str
    ranks: int
    steps: int
    settings: dict[str, Any]
    threads: int | None = None


SMALL = {
    "data": {"dataset_name": "ml-1m"},
    "model": {"max_len": 200, "emb_dim": 64, "nhead": 2, "num_layers": 2},
    "training": {"train_batch_size": 128, "dupe_factor": 1},
}
BIG = {
    "data": {
        "dataset_name": "random",
        "random_user_count": 125_000,
        "random_item_count": 500_000,
        "random_size": 2_000_000,
    },
    "model": {"max_len": 16, "emb_dim": 64, "nhead": 2, "num_layers": 2},
    "training": {"loss": "sampled", "train_batch_size": 128, "dupe_factor": 1},
}
TIED = {**BIG, "model": {**BIG["model"], "tie_output": True}}
CASES = {
    "small": Case("MovieLens 1M, full softmax", "ddp", 1, 8, SMALL),
    "ddp": Case("sampled loss", "ddp", 1, 40, BIG),
    "spare": Case("sampled loss, 1 thread", "ddp", 1, 30, BIG, threads=1),
    "dmp": Case("sampled loss", "dmp", 2, 50, BIG),
    "dmp-tied": Case("sampled loss, tied output", "dmp", 2, 100, TIED),
}


def settings(name: str, options: argparse.Namespace) -> dict[str, Any]:
    """Return the experiment of a case."""
    case = CASES[name]
    groups = {group: dict(values) for group, values in case.settings.items()}
    if groups["data"]["dataset_name"] != "random":
        groups["data"]["dataset_path"] = str((options.data / "ml-1m").resolve())
    launch = {"mode": case.mode, "j": f"1x{case.ranks}", "gpu": options.gpu}
    return {"name": name, **groups, "evaluation": {"protocols": ["full"]}, "launch": launch}


def measure(run_dir: Path, steps: int, rounds: int) -> None:
    """Measure on every rank; rank 0 writes its results."""
    from engine.contract.config.experiment import read_run_config
    from engine.distributed.process_group import process_group

    experiment = read_run_config(run_dir)
    with process_group(experiment.launch.gpu) as group:
        measured = _rounds(run_dir, experiment, group, steps, rounds)
        if group.is_first:
            (run_dir / "measured.json").write_text(json.dumps(measured))


def _rounds(run_dir: Path, experiment: Any, group: Any, steps: int, rounds: int) -> dict[str, Any]:
    """Time the steps alone, after saving, and during a background save, in turns."""
    from benchmarks.background_save import BackgroundSave
    from engine.runtime.report import Reporter
    from engine.train import prepare
    from engine.training.train_state import TrainState
    from engine.training.trainer import Trainer

    run = prepare(run_dir, experiment, group, Reporter(run_dir, group))
    trainer, background = Trainer(run), BackgroundSave(run)
    run.model.objective.train()
    batches = cycle([batch.to(group.device) for batch in islice(trainer._loader.epoch(0), 8)])
    seconds: dict[str, list[float]] = {
        name: [] for name in ("bare", "file", "last", "before", "copy", "behind")
    }

    def train() -> None:
        for _ in range(steps):
            float(trainer._step(next(batches)))

    def save_before() -> None:
        timed("file", lambda: trainer._save_weights(0))
        timed("last", lambda: trainer._resumer._save(TrainState(1)))
        train()

    def save_in_background() -> None:
        thread = timed("copy", background.start)
        train()
        thread.join()

    def timed(name: str, work: Callable[[], Any]) -> Any:
        start = time.perf_counter()
        result = work()
        group.sum([0.0])  # waits for the slowest rank
        seconds[name].append(time.perf_counter() - start)
        return result

    train()
    for _ in range(rounds):
        timed("bare", train)
        timed("before", save_before)
        timed("behind", save_in_background)
    last = run.checkpoints.folder / "last"
    return {
        "items": run.dataset.num_items,
        "epoch_steps": trainer._loader.steps,
        "steps": steps,
        "seconds": seconds,
        "file_bytes": run.checkpoints.path(0).stat().st_size if group.is_first else 0,
        "last_bytes": sum(path.stat().st_size for path in last.iterdir()) if group.is_first else 0,
    }


def run(name: str, options: argparse.Namespace) -> dict[str, Any]:
    """Measure one row of the table under torchrun."""
    import tomlkit

    case = CASES[name]
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        run_dir = Path(folder)
        (run_dir / "config.toml").write_text(tomlkit.dumps(settings(name, options)))
        command = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
        command += [f"--nproc-per-node={case.ranks}", "-m", "benchmarks.checkpoints", "--measure", folder]
        command += ["--steps", str(case.steps), "--rounds", str(options.rounds)]
        share = case.threads or max(1, threads() // case.ranks)
        env = os.environ | torchrun.DEFAULTS | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": str(share)}
        subprocess.run(command, check=True, env=env, cwd=ROOT, stderr=subprocess.DEVNULL)
        return row(name, json.loads((run_dir / "measured.json").read_text()))


def row(name: str, measured: dict[str, Any]) -> dict[str, Any]:
    """Return the measurements per epoch. most_gain: the share of it that a thread would save if it cost nothing.

    Seconds lost are medians over rounds, each relative to the steps alone of the same round.
    """
    seconds = measured["seconds"]
    median = {name: statistics.median(values) for name, values in seconds.items()}
    epoch = median["bare"] / measured["steps"] * measured["epoch_steps"]
    savings = median["file"] + median["last"]
    lost = {
        way: statistics.median(
            total - bare for total, bare in zip(seconds[way], seconds["bare"], strict=True)
        )
        for way in ("before", "behind")
    }
    return {
        "case": name,
        "title": CASES[name].title,
        "mode": CASES[name].mode,
        "ranks": CASES[name].ranks,
        "items": measured["items"],
        "epoch_steps": measured["epoch_steps"],
        "epoch_seconds": round(epoch, 1),
        "file_mb": round(measured["file_bytes"] / 1e6, 1),
        "last_mb": round(measured["last_bytes"] / 1e6, 1),
        "file_seconds": round(median["file"], 2),
        "last_seconds": round(median["last"], 2),
        "copy_seconds": round(median["copy"], 2),
        "savings_seconds": round(savings, 2),
        "share": round(savings / (epoch + savings), 4),
        "most_gain": round(max(0.0, savings - median["copy"]) / (epoch + savings), 4),
        "lost_seconds": round(lost["before"], 2),
        "behind_lost_seconds": round(lost["behind"], 2),
        "rounds": {key: [round(value, 3) for value in values] for key, values in seconds.items()},
    }


def main() -> None:
    """Run all cases, print the table and write the JSON."""
    from benchmarks.tables import checkpoints_table

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--cases", nargs="+", choices=CASES, default=list(CASES))
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder with ml-1m in it")
    parser.add_argument("--rounds", type=int, default=3, help="rounds, each of all three ways (3)")
    parser.add_argument("--gpu", type=int, default=0, help="GPUs to use, 0 for CPU")
    parser.add_argument("--folder", type=Path, help="where to write checkpoints (default: temporary)")
    parser.add_argument("--json", type=Path, help="file for the rows")
    parser.add_argument("--steps", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        measure(options.measure, options.steps, options.rounds)
        return
    results = {**about(), "rows": [run(name, options) for name in options.cases]}
    print(checkpoints_table(results))
    if options.json:
        write_json(options.json, results)


if __name__ == "__main__":
    main()
