"""Runs that train while somebody looks on: a process that holds them and reports for them until it is killed.

    python -m benchmarks.ui_stream HERTZ RUN_DIR…

It says so once it holds them. Each run tells how far it is so many times a second, logs as often, and ends an epoch
every 20 reports.
"""

from __future__ import annotations

import math
import sys
import time
from pathlib import Path

from b4r_tui.runs.locks import hold
from engine.contract.events import Epoch, EventWriter, Progress, RunStarted

STEPS = 20  # reports an epoch
EPOCHS = 100_000
METRICS = [f"{name}@{k}" for name in ("recall", "ndcg") for k in (1, 5, 10)]


def main() -> None:
    """Report for ever."""
    hertz, folders = float(sys.argv[1]), [Path(text) for text in sys.argv[2:]]
    held = [hold(folder / "lock") for folder in folders]
    writers = [EventWriter(folder / "events.jsonl") for folder in folders]
    logs = [(folder / "logs" / "rank_0.log").open("a", buffering=1) for folder in folders]
    for folder, writer in zip(folders, writers, strict=True):
        writer.write(started(folder))
    print("reporting", flush=True)
    began, report = time.monotonic(), 0
    while held:
        for writer, log in zip(writers, logs, strict=True):
            epoch, step = divmod(report, STEPS)
            writer.write(progress(epoch, step))
            log.write(f"INFO engine.training.trainer: epoch {epoch} step {step}\n")
            if step == STEPS - 1:
                writer.write(ended(epoch))
        report += 1
        time.sleep(max(0.0, began + report / hertz - time.monotonic()))


def started(folder: Path) -> RunStarted:
    """The first report of a run."""
    data = {"name": "synthetic", "users": 2000, "items": 500, "interactions": 60_000, "fingerprint": "0" * 16}
    return RunStarted(
        run_id=folder.name,
        experiment=folder.parent.name,
        world_size=1,
        device="cpu",
        mode="ddp",
        dataset=data,
        parameters=1,
    )


def progress(epoch: int, step: int) -> Progress:
    """How far it is."""
    return Progress(
        phase="train",
        epoch=epoch,
        step=step + 1,
        steps=STEPS,
        loss=loss_of(epoch + step / STEPS),
        sequences_per_second=440.0 + step,
        memory_mb=812.0 + step,
    )


def ended(epoch: int) -> Epoch:
    """The end of an epoch, with metrics of two protocols."""
    values = dict.fromkeys(METRICS, 0.2 - 0.1 / (epoch + 1))
    return Epoch(
        epoch=epoch,
        epochs=EPOCHS,
        train_loss=loss_of(epoch),
        lr=1e-3,
        seconds=4.0,
        sequences_per_second=440.0,
        metrics={"full": values, "popular-100": values},
        best=True,
    )


def loss_of(epochs: float) -> float:
    """A loss that falls."""
    return 4.0 + 3.0 * math.exp(-epochs / 10)


if __name__ == "__main__":
    main()
