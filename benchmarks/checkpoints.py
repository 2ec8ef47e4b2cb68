"""What checkpoints cost: seconds that an epoch's end keeps training waiting, beside the seconds of the epoch itself.

    python -m benchmarks.checkpoints [--cases small big-ddp big-dmp] [--data FOLDER] [--rounds N] [--json FILE]

`small` is MovieLens 1M in --data, `big` the data set `random` with half a million items. The engine's own data, model, loss, optimisers,
steps and savings, on real torchrun ranks; as many steps are timed with an epoch's savings among them as without.
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
from itertools import cycle
from pathlib import Path
from typing import Any

from b4r_tui.runs import torchrun
from benchmarks.machine import about

ROOT = Path(__file__).resolve().parents[1]
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
CASES: dict[str, tuple[str, int, dict[str, Any]]] = {  # mode, ranks, settings
    "small": (
        "ddp",
        1,
        {
            "data": {"dataset_name": "ml-1m"},
            "model": {"max_len": 200, "emb_dim": 64, "nhead": 2, "num_layers": 2},
            "training": {"train_batch_size": 128, "dupe_factor": 1},
        },
    ),
    "big-ddp": ("ddp", 1, BIG),
    "big-dmp": ("dmp", 2, BIG),
    "big-tied-dmp": ("dmp", 2, {**BIG, "model": {**BIG["model"], "tie_output": True}}),
}


def settings(case: str, options: argparse.Namespace) -> dict[str, Any]:
    """The experiment of a case."""
    mode, ranks, groups = CASES[case]
    found = {name: dict(group) for name, group in groups.items()}
    if found["data"]["dataset_name"] != "random":
        found["data"]["dataset_path"] = str((options.data / "ml-1m").resolve())
    launch = {"mode": mode, "j": f"1x{ranks}", "gpu": options.gpu}
    return {"name": case, **found, "evaluation": {"protocols": ["full"]}, "launch": launch}


def measure(run_dir: Path, steps: int, rounds: int) -> None:
    """What every rank does; rank 0 writes what it has found."""
    from engine.config import read_run_config
    from engine.distributed.group import process_group

    experiment = read_run_config(run_dir)
    with process_group(experiment.launch.gpu) as group:
        found = _rounds(run_dir, experiment, group, steps, rounds)
        if group.is_first:
            (run_dir / "found.json").write_text(json.dumps(found))


def _rounds(run_dir: Path, experiment: Any, group: Any, steps: int, rounds: int) -> dict[str, Any]:
    """Seconds of so many steps, bare and with an epoch's savings at their start, in turns."""
    from engine.train import prepare
    from engine.training.loop import Trainer
    from engine.training.position import Position
    from engine.training.report import Reporter

    run = prepare(run_dir, experiment, group, Reporter(run_dir, group))
    trainer = Trainer(run)
    run.model.objective.train()
    loader = trainer._loader
    batches = cycle([batch.to(group.device) for batch, _ in zip(loader.epoch(0), range(8), strict=False)])
    parts: dict[str, list[float]] = {"steps": [], "file": [], "last": [], "whole": []}

    def train() -> None:
        for _ in range(steps):
            float(trainer._step(next(batches)))

    def saved() -> None:
        parts["file"].append(_seconds(lambda: trainer._save(0)))
        parts["last"].append(_seconds(lambda: trainer._restart._save(Position(1))))
        train()

    train()
    for _ in range(rounds):
        group.sum([0.0])
        parts["steps"].append(_seconds(train))
        group.sum([0.0])
        parts["whole"].append(_seconds(saved))
    folder = run.checkpoints.folder
    return {
        "items": run.dataset.num_items,
        "epoch_steps": loader.steps,
        "steps": steps,
        "seconds": parts,
        "file_bytes": run.checkpoints.path(0).stat().st_size if group.is_first else 0,
        "last_bytes": sum(path.stat().st_size for path in (folder / "last").iterdir())
        if group.is_first
        else 0,
    }


def _seconds(work: Callable[[], None]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def run(case: str, options: argparse.Namespace) -> dict[str, Any]:
    """One row of the table, from torchrun."""
    import tomlkit

    mode, ranks, _ = CASES[case]
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        run_dir = Path(folder)
        (run_dir / "config.toml").write_text(tomlkit.dumps(settings(case, options)))
        threads = max(1, len(os.sched_getaffinity(0)) // ranks)
        command = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={ranks}"]
        command += ["-m", "benchmarks.checkpoints", "--measure", folder]
        command += ["--steps", str(options.steps), "--rounds", str(options.rounds)]
        env = os.environ | torchrun.DEFAULTS | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": str(threads)}
        subprocess.run(command, check=True, env=env, cwd=ROOT, stderr=subprocess.DEVNULL)
        found = json.loads((run_dir / "found.json").read_text())
    median = {name: statistics.median(values) for name, values in found["seconds"].items()}
    return {
        "case": case,
        "mode": mode,
        "ranks": ranks,
        "items": found["items"],
        "epoch_seconds": round(median["steps"] / found["steps"] * found["epoch_steps"], 2),
        "file_mb": round(found["file_bytes"] / 1e6, 1),
        "last_mb": round(found["last_bytes"] / 1e6, 1),
        "file_seconds": round(median["file"], 3),
        "last_seconds": round(median["last"], 3),
        "lost_seconds": round(median["whole"] - median["steps"], 3),
        "found": found,
    }


def main() -> None:
    """Run all cases, print the rows, write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--cases", nargs="+", choices=CASES, default=list(CASES))
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder with ml-1m in it")
    parser.add_argument(
        "--steps", type=int, default=60, help="steps that are timed, with savings and without"
    )
    parser.add_argument("--rounds", type=int, default=5, help="times that both are done; medians count")
    parser.add_argument("--gpu", type=int, default=0, help="GPUs to use, 0 for CPU")
    parser.add_argument(
        "--folder", type=Path, help="where run folders and so checkpoints lie; default temporary"
    )
    parser.add_argument("--json", type=Path, help="file for the rows")
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        measure(options.measure, options.steps, options.rounds)
        return
    rows = []
    for case in options.cases:
        rows.append(run(case, options))
        print({name: value for name, value in rows[-1].items() if name != "found"})
    if options.json:
        options.json.write_text(json.dumps({**about(), "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
