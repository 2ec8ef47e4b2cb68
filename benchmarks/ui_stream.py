"""Holds the locks of runs and reports for them, as if they trained, until it is killed.

    python -m benchmarks.ui_stream HERTZ RUN_DIR…

It prints a line once it holds them. Each run reports progress HERTZ times per second, logs as often, and ends an epoch
every 20 reports.
"""

from __future__ import annotations

import math
import sys
import time
from pathlib import Path

from b4r_tui.runs.locks import hold
from engine.contract.events import Epoch, EventWriter, Progress, RunStarted

STEPS = 20  # reports per epoch
EPOCHS = 100_000
METRICS = [f"{name}@{k}" for name in ("recall", "ndcg") for k in (1, 5, 10)]


def main() -> None:
    """Report until killed."""
    hertz, folders = float(sys.argv[1]), [Path(text) for text in sys.argv[2:]]
    locks = [hold(folder / "lock") for folder in folders]
    writers = [EventWriter(folder / "events.jsonl") for folder in folders]
    logs = [(folder / "logs" / "rank_0.log").open("a", buffering=1) for folder in folders]
    for folder, writer in zip(folders, writers, strict=True):
        writer.write(started_event(folder))
    print("reporting", flush=True)
    start, report = time.monotonic(), 0
    while locks:
        for writer, log in zip(writers, logs, strict=True):
            epoch, step = divmod(report, STEPS)
            writer.write(progress_event(epoch, step))
            log.write(f"INFO engine.training.trainer: epoch {epoch} step {step}\n")
            if step == STEPS - 1:
                writer.write(epoch_event(epoch))
        report += 1
        time.sleep(max(0.0, start + report / hertz - time.monotonic()))


def started_event(folder: Path) -> RunStarted:
    """Return the first event of a run."""
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


def progress_event(epoch: int, step: int) -> Progress:
    """Return a progress event."""
    return Progress(
        phase="train",
        epoch=epoch,
        step=step + 1,
        steps=STEPS,
        loss=loss_of(epoch + step / STEPS),
        sequences_per_second=440.0 + step,
        memory_mb=812.0 + step,
    )


def epoch_event(epoch: int) -> Epoch:
    """Return the event of an epoch's end, with metrics of two protocols."""
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
    """Return a decreasing loss."""
    return 4.0 + 3.0 * math.exp(-epochs / 10)


if __name__ == "__main__":
    main()
