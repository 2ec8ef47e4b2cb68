"""Compares DDP with DMP on large vocabularies: time per step and peak memory per rank, on real torchrun ranks.

    python -m benchmarks.sharding [--items 500000 2000000] [--ranks 2] [--loss full] [--json FILE]

The data set `random` is so dense that each item occurs; the engine's own data, model, loss, optimisers and steps have
their defaults. Memory is VmHWM of /proc: the peak of a rank, libraries and data included.
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
from itertools import islice
from pathlib import Path
from typing import Any

from benchmarks.machine import about

ROOT = Path(__file__).resolve().parents[1]
MODES = ("ddp", "dmp")


def settings(items: int, mode: str, loss: str, options: argparse.Namespace) -> dict[str, Any]:
    """Return an experiment with sequences of 16 items and a model of width 64."""
    size = items * options.density
    return {
        "name": f"{mode}-{items}",
        "data": {
            "dataset_name": "random",
            "random_user_count": max(10, size // 16),
            "random_item_count": items,
            "random_size": size,
        },
        "model": {"max_len": 16, "emb_dim": 64, "nhead": 2, "num_layers": 2},
        "training": {"loss": loss, "train_batch_size": options.batch, "dupe_factor": 1},
        "evaluation": {"protocols": ["full"]},
        "launch": {"mode": mode, "j": f"1x{options.ranks}", "gpu": options.gpu},
    }


def measure(run_dir: Path, steps: int) -> None:
    """Time the run's first steps on every rank, after one for warm-up; rank 0 writes the results of all."""
    from engine.contract.config.experiment import read_run_config
    from engine.distributed.process_group import process_group

    experiment = read_run_config(run_dir)
    with process_group(experiment.launch.gpu) as group:
        measured = group.gather(_steps(run_dir, experiment, group, steps))
        if group.is_first:
            (run_dir / "measured.json").write_text(json.dumps(measured))


def _steps(run_dir: Path, experiment: Any, group: Any, steps: int) -> dict[str, Any]:
    from engine.runtime.report import Reporter
    from engine.train import prepare
    from engine.training.trainer import Trainer

    run = prepare(run_dir, experiment, group, Reporter(run_dir, group))
    initial_mb = peak_mb()
    trainer, seconds = Trainer(run), []
    run.model.objective.train()
    for batch in islice(trainer._loader.epoch(0), steps + 1):
        start = time.perf_counter()
        float(trainer._step(batch.to(group.device)))
        seconds.append(time.perf_counter() - start)
    return {
        "items": run.dataset.num_items,
        "seconds": seconds[1:],
        "initial_mb": initial_mb,
        "memory_mb": peak_mb(),
    }


def peak_mb() -> float:
    """Return VmHWM of this process in MiB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) / 1024


def run(items: int, mode: str, options: argparse.Namespace) -> dict[str, Any]:
    """Measure one row of the table under torchrun."""
    import tomlkit

    with tempfile.TemporaryDirectory() as folder:
        run_dir = Path(folder)
        text = tomlkit.dumps(settings(items, mode, options.loss, options))
        (run_dir / "config.toml").write_text(text)
        threads = max(1, (os.cpu_count() or 1) // options.ranks)
        command = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
        command += [f"--nproc-per-node={options.ranks}", "-m", "benchmarks.sharding"]
        command += ["--measure", folder, "--steps", str(options.steps)]
        env = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": str(threads)}
        _cache_data(run_dir, env)
        subprocess.run(command, check=True, env=env, cwd=ROOT, stderr=subprocess.DEVNULL)
        measured = json.loads((run_dir / "measured.json").read_text())
    return {
        "items": measured[0]["items"],
        "mode": mode,
        "loss": options.loss,
        "ranks": options.ranks,
        "step_ms": round(1000 * statistics.median(measured[0]["seconds"]), 1),
        "memory_mb_per_rank": [round(rank["memory_mb"]) for rank in measured],
        "born_mb_per_rank": [round(rank["initial_mb"]) for rank in measured],
    }


def _cache_data(run_dir: Path, env: dict[str, str]) -> None:
    """Build the data set in a separate process, to keep that out of the ranks' memory."""
    code = (
        "import sys, pathlib; from engine.contract.config.experiment import read_run_config; "
        "from engine.data.load import load_dataset; load_dataset(read_run_config(pathlib.Path(sys.argv[1])).data)"
    )
    subprocess.run([sys.executable, "-c", code, str(run_dir)], check=True, env=env)


def table(rows: list[dict[str, Any]]) -> str:
    """Format both modes side by side, with dmp as a share of ddp."""
    lines = [
        "| items | loss | ddp ms/step | dmp ms/step | dmp / ddp | ddp MB/rank | dmp MB/rank | dmp / ddp |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for ddp, dmp in zip(rows[::2], rows[1::2], strict=True):
        dmp_mb, ddp_mb = max(dmp["memory_mb_per_rank"]), max(ddp["memory_mb_per_rank"])
        lines.append(
            f"| {ddp['items']:,} | {ddp['loss']} | {ddp['step_ms']:,.0f} | {dmp['step_ms']:,.0f} "
            f"| {dmp['step_ms'] / ddp['step_ms']:.2f} | {ddp_mb:,} | {dmp_mb:,} | {dmp_mb / ddp_mb:.2f} |"
        )
    return "\n".join(lines)


def main() -> None:
    """Run all cases, print the table and write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--items", type=int, nargs="+", default=[500_000, 2_000_000])
    parser.add_argument("--ranks", type=int, default=2)
    parser.add_argument("--loss", default="full", help="training.loss")
    parser.add_argument("--batch", type=int, default=32, help="sequences per step and rank")
    parser.add_argument("--steps", type=int, default=20, help="steps to time; their median counts")
    parser.add_argument("--density", type=int, default=4, help="interactions per item")
    parser.add_argument("--gpu", type=int, default=0, help="GPUs to use, 0 for CPU")
    parser.add_argument("--json", type=Path, help="file for the rows")
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        measure(options.measure, options.steps)
        return
    rows = [run(items, mode, options) for items in options.items for mode in MODES]
    print(table(rows))
    if options.json:
        options.json.write_text(json.dumps({**about(), "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
