"""Compare the numbers of two checkouts: losses, metrics and checkpoints of the same runs must be equal bit for bit.

    python -m benchmarks.same_numbers OLD_CHECKOUT [--data FOLDER] [--epochs N] [--cases ddp-1 …] [--json FILE]

A refactor of the engine must not change a number. Each case trains MovieLens 100K in --data with the same seed, once
with the engine of OLD_CHECKOUT and once with this one, on real torchrun ranks on CPU. Compared are the losses of steps,
the losses and validation metrics of epochs, the test metrics with their intervals, and every tensor of every epoch's
checkpoint. Exits with 1 if anything differs.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import tomlkit
import torch

from benchmarks.machine import about
from engine.contract import run_folder
from engine.contract.atomic_files import write_json

ROOT = Path(__file__).resolve().parents[1]
LAUNCHES = {"ddp-1": ("ddp", 1), "ddp-2": ("ddp", 2), "dmp-2": ("dmp", 2)}
LOSSES = ("full", "sampled", "gbce")
PRECISIONS = ("fp32", "bf16")
MEASURED = {  # of events: what depends on the seed alone, not on the clock or the machine's load
    "progress": ("phase", "epoch", "step", "loss"),
    "epoch": ("epoch", "train_loss", "lr", "metrics", "best"),
    "test": ("checkpoint_epoch", "metrics", "baseline", "baselines"),
}


@dataclass(frozen=True)
class Case:
    """One run that both checkouts train: how it is launched, its loss and its precision."""

    launch: str
    loss: str
    precision: str

    @property
    def name(self) -> str:
        """Return the name of the case, of its run folder too."""
        return f"{self.launch}-{self.loss}-{self.precision}"


def config_text(case: Case, data: Path, epochs: int) -> str:
    """Return the `config.toml` of the case's run folder."""
    mode, ranks = LAUNCHES[case.launch]
    return tomlkit.dumps(
        {
            "name": case.name,
            "data": {"dataset_name": "ml-100k", "dataset_path": str((data / "ml-100k").resolve())},
            "model": {"max_len": 30, "emb_dim": 32, "nhead": 2, "num_layers": 2},
            "training": {
                "num_epochs": epochs,
                "loss": case.loss,
                "precision": case.precision,
                "dupe_factor": 1,
                "train_batch_size": 128,
            },
            "evaluation": {"metric_ks": [10], "protocols": ["full"]},
            "launch": {"mode": mode, "j": f"1x{ranks}", "gpu": 0},
        }
    )


def train(checkout: Path, run_dir: Path, ranks: int) -> None:
    """Train the run folder with the engine of a checkout. Raises CalledProcessError if it fails."""
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={ranks}"]
    cores = len(os.sched_getaffinity(0))
    env = os.environ | {
        "PYTHONPATH": str(checkout.resolve()),
        "OMP_NUM_THREADS": str(max(1, cores // ranks)),  # sums of floats depend on the number of threads
        "B4R_CACHE": str(run_dir.parent.parent / "cache"),
        "CUDA_VISIBLE_DEVICES": "",
    }
    subprocess.run(
        [*command, "-m", "engine.train", str(run_dir)],
        cwd=run_dir,
        env=env,
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=None if sys.stderr.isatty() else subprocess.DEVNULL,
    )


def measured(run_dir: Path) -> list[dict[str, Any]]:
    """Return what the events of a run measured, in order, without progress that depends on the clock."""
    lines = (run_dir / run_folder.EVENTS).read_text().splitlines()
    events = [json.loads(line) for line in lines]
    return [
        {"type": event["type"], **{key: event.get(key) for key in MEASURED[event["type"]]}}
        for event in events
        if event["type"] in MEASURED and event["type"] != "progress"
    ]


def step_losses(run_dir: Path) -> dict[tuple[int, int], float]:
    """Return the loss of each reported step by epoch and step; which steps are reported depends on the clock."""
    lines = (run_dir / run_folder.EVENTS).read_text().splitlines()
    events = [json.loads(line) for line in lines]
    return {
        (event["epoch"], event["step"]): event["loss"]
        for event in events
        if event["type"] == "progress" and event.get("loss") is not None
    }


def differences(old: Path, new: Path, epochs: int) -> Iterator[str]:
    """Yield one line for each thing in which two trained run folders differ."""
    for before, after in zip(measured(old), measured(new), strict=True):
        if before != after:
            yield f"event {before['type']}: {before} != {after}"
    losses = step_losses(old)
    for step, loss in step_losses(new).items():
        if losses.get(step, loss) != loss:
            yield f"loss of epoch {step[0]}, step {step[1]}: {losses[step]!r} != {loss!r}"
    for epoch in range(epochs):
        files = [
            folder / run_folder.CHECKPOINTS / run_folder.epoch_checkpoint(epoch) for folder in (old, new)
        ]
        yield from _tensor_differences(
            *(torch.load(file, weights_only=True)["model"] for file in files), epoch
        )


def _tensor_differences(old: dict[str, Any], new: dict[str, Any], epoch: int) -> Iterator[str]:
    if list(old) != list(new):
        yield f"names in the checkpoint of epoch {epoch} differ: {sorted(set(old) ^ set(new))}"
        return
    for name, tensor in old.items():
        if tensor.dtype != new[name].dtype or not torch.equal(tensor, new[name]):
            yield f"tensor {name} in the checkpoint of epoch {epoch}"


def compare(case: Case, options: argparse.Namespace, work: Path) -> dict[str, Any]:
    """Train a case with both checkouts and return the row of the table."""
    folders = []
    for label, checkout in (("old", options.old), ("new", ROOT)):
        run_dir = work / label / case.name
        run_dir.mkdir(parents=True)
        (run_dir / run_folder.CONFIG).write_text(config_text(case, options.data, options.epochs))
        train(checkout, run_dir, LAUNCHES[case.launch][1])
        folders.append(run_dir)
    found = list(differences(*folders, options.epochs))
    last = measured(folders[1])[-1]
    return {
        "case": case.name,
        "train_loss": measured(folders[1])[options.epochs - 1]["train_loss"],
        "ndcg@10": last["metrics"]["full"]["ndcg@10"]["value"],
        "steps": len(step_losses(folders[0]).keys() & step_losses(folders[1]).keys()),
        "differences": found,
    }


def line(row: dict[str, Any]) -> str:
    """Return a row of the Markdown table."""
    verdict = f"{len(row['differences'])} differences" if row["differences"] else "equal"
    return f"| {row['case']} | {row['train_loss']!r} | {row['ndcg@10']!r} | {row['steps']} | {verdict} |"


def main() -> int:
    """Compare all cases, print the table, and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("old", type=Path, metavar="OLD_CHECKOUT")
    parser.add_argument(
        "--data", type=Path, default=ROOT.parent / "shared" / "data", help="folder of data sets"
    )
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--cases", nargs="+", choices=LAUNCHES, default=list(LAUNCHES))
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    print("| case | train loss of the last epoch | test NDCG@10 | steps compared | all numbers and tensors |")
    print("|---|---|---|---|---|")
    rows = []
    with tempfile.TemporaryDirectory() as work:
        for each in product(options.cases, LOSSES, PRECISIONS):
            rows.append(compare(Case(*each), options, Path(work)))
            print(line(rows[-1]), flush=True)
    for row in rows:
        for difference in row["differences"]:
            print(f"{row['case']}: {difference}")
    if options.json:
        write_json(options.json, {"machine": about(), "rows": rows})
    return int(any(row["differences"] for row in rows))


if __name__ == "__main__":
    sys.exit(main())
