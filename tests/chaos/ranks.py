"""Runs one rank of a small run that can be killed at any moment: it computes a chain of numbers and saves its position.

The chain is chaotic (a logistic map), so a skipped or repeated step changes every number after it. Like the engine, it
saves before it reports an epoch, stores a copy of that event, saves when asked to stop, and resumes from there. It
checks that no other process is this rank of this run at the same time.
"""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import tomli

from engine.contract.atomic_files import read_json, write_json
from engine.contract.errors import ExitCode
from engine.contract.events import (
    Checkpoint,
    Epoch,
    EventWriter,
    Progress,
    RunFinished,
    RunResumed,
    RunStarted,
    Test,
)

STEPS = 12  # per epoch
SAVE_EVERY = 5  # steps
DATASET = {"name": "chain", "users": 1, "items": 1, "interactions": 1, "fingerprint": "0123456789abcdef"}


@dataclass
class Chain:
    """Position of a rank. value: of the chain; total: of the epoch so far; last_event: of the last epoch."""

    value: float
    epoch: int = 0
    step: int = 0
    total: float = 0.0
    last_event: dict[str, Any] | None = field(default=None)

    def advance(self) -> None:
        """Make one step."""
        self.value = 3.99 * self.value * (1.0 - self.value)
        self.total += self.value
        self.step += 1

    def end_epoch(self, epochs: int) -> Epoch:
        """End the epoch and return its event."""
        metrics = {"full": {"ndcg@10": self.value, "recall@10": self.total / STEPS}}
        event = Epoch(
            epoch=self.epoch,
            epochs=epochs,
            train_loss=self.total / STEPS,
            lr=0.1,
            seconds=0.1,
            sequences_per_second=1.0,
            metrics=metrics,
        )
        self.epoch, self.step, self.total, self.last_event = self.epoch + 1, 0, 0.0, asdict(event)
        return event


def first(seed: int, rank: int) -> Chain:
    """Return the start of the chain."""
    return Chain(0.1 + 0.8 * ((seed * 31 + rank * 17) % 97) / 97)


def undisturbed(seed: int, epochs: int) -> list[Epoch]:
    """Return the epochs that rank 0 reports without faults."""
    chain, events = first(seed, 0), []
    for _ in range(epochs):
        while chain.step < STEPS:
            chain.advance()
        events.append(chain.end_epoch(epochs))
    return events


class Rank:
    """One rank of one attempt."""

    def __init__(self, run_dir: Path) -> None:
        settings = tomli.loads((run_dir / "config.toml").read_text())
        self.run_dir, self.rank = run_dir, int(os.environ["RANK"])
        self.ranks, self.epochs = int(os.environ["WORLD_SIZE"]), settings["training"]["num_epochs"]
        self.experiment, self.seconds = settings["name"], float(os.environ.get("CHAOS_STEP", "0.02"))
        self.stop_requested = False
        self.folder = run_dir / "checkpoints"
        self.folder.mkdir(exist_ok=True)
        _lock_rank(self.folder / f"rank_{self.rank}.lock")
        signal.signal(signal.SIGTERM, self._request_stop if "deaf" not in self.experiment else signal.SIG_IGN)
        saved = read_json(self.saved_at(self.rank))
        self.resumed = saved is not None
        self.chain = Chain(**saved) if saved else first(settings["training"]["seed"], self.rank)
        self.events = EventWriter(run_dir / "events.jsonl") if self.rank == 0 else None
        self.log = (run_dir / "logs" / f"rank_{self.rank}.log").open("a", buffering=1)

    def saved_at(self, rank: int) -> Path:
        """Return the path of a rank's checkpoint."""
        return self.folder / f"chain_{rank}.json"

    def run(self) -> None:
        """Run from the last checkpoint to the end."""
        self._begin()
        while self.chain.epoch < self.epochs:
            while self.chain.step < STEPS:
                self._step()
            event = self.chain.end_epoch(self.epochs)
            self._save()
            self._write(event)
        self._finish()

    def _begin(self) -> None:
        print(f"rank {self.rank} begins at {self.chain.epoch}.{self.chain.step}", file=self.log)
        self._write(
            RunStarted(
                run_id=self.run_dir.name,
                experiment=self.experiment,
                world_size=self.ranks,
                device="cpu",
                mode="ddp",
                dataset=DATASET,
                parameters=1,
            )
        )
        if not self.resumed:
            return
        event = self.chain.last_event
        if event and self.rank == 0 and event["epoch"] not in reported_epochs(self.run_dir):
            self._write(Epoch(**event))
        self._write(
            RunResumed(epoch=self.chain.epoch, step=self.chain.step, world_size=self.ranks, mode="ddp")
        )

    def _step(self) -> None:
        self.chain.advance()
        time.sleep(self.seconds)
        if self.chain.step % SAVE_EVERY == 0 or self.stop_requested:
            self._save()
            self._write(
                Progress(phase="train", epoch=self.chain.epoch, step=self.chain.step, steps=STEPS, loss=1.0)
            )
        if self.stop_requested:
            sys.exit(int(ExitCode.INTERRUPTED))

    def _finish(self) -> None:
        """Wait until all ranks have ended, then report the test."""
        others = [self.saved_at(rank) for rank in range(self.ranks)]
        while not all((read_json(path) or {}).get("epoch") == self.epochs for path in others):
            time.sleep(0.02)
            if self.stop_requested:
                sys.exit(int(ExitCode.INTERRUPTED))
        if self.rank == 0:
            value = {"value": self.chain.value, "low": 0.0, "high": 1.0, "n": 1}
            self._write(
                Test(checkpoint_epoch=self.epochs - 1, metrics={"full": {"ndcg@10": value}}, baseline={})
            )
            self._write(RunFinished(seconds=1.0, best_epoch=self.epochs - 1))

    def _save(self) -> None:
        write_json(self.saved_at(self.rank), asdict(self.chain))
        self._write(Checkpoint(epoch=self.chain.epoch, path="checkpoints", bytes=1, seconds=0.0))

    def _write(self, event: Any) -> None:
        if self.events is not None:
            self.events.write(event)

    def _request_stop(self, number: int, frame: object) -> None:
        self.stop_requested = True


def reported_epochs(run_dir: Path) -> set[int]:
    """Return the epochs in the run's events."""
    from engine.contract.events import read_events

    return {
        record.event.epoch
        for record in read_events(run_dir / "events.jsonl")
        if isinstance(record.event, Epoch)
    }


def _lock_rank(path: Path) -> None:
    """Hold a lock while this process lives; if another one holds it, write a file for the checks."""
    fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        path.with_suffix(".twice").touch()


def main() -> None:
    """Run as the rank given by the environment."""
    rank = Rank(Path(sys.argv[1]))
    if "child" in rank.experiment:  # in a separate session, as a data loader would
        subprocess.Popen(
            [sys.executable, "-c", "import time; time.sleep(300)", sys.argv[1]], start_new_session=True
        )
    rank.run()


if __name__ == "__main__":
    main()
