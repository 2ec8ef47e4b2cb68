"""Fixtures of the app's tests: experiments whose ranks are small scripts, under real supervisors."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from b4r_tui.runs.processes import carriers
from b4r_tui.runs.store import Run, RunStore
from engine.contract.config.experiment import Experiment

HERE = Path(__file__).parent

PREAMBLE = """
import os, signal, sys, time
from pathlib import Path
from engine.contract.config.experiment import read_run_config
from engine.contract.events import *
run, rank = Path(sys.argv[1]), int(os.environ["RANK"])
config, events = read_run_config(run), EventWriter(run / "events.jsonl")
log = open(run / "logs" / f"rank_{rank}.log", "a", buffering=1)
def started():
    steps = [dict(name="read", interactions=1060, users=11, items=5), dict(name="min_rating", interactions=50,
                                                                           users=10, items=5)]
    data = dict(name="synthetic", users=10, items=5, interactions=50, fingerprint="abcdef0123456789", funnel=steps)
    shards = [dict(rank=0, rows=[0, 3], columns=[0, 64], weight_bytes=768, optimiser_bytes=12),
              dict(rank=1, rows=[3, 6], columns=[0, 64], weight_bytes=768, optimiser_bytes=12)]
    plan = [dict(table="item", sharding="row_wise", kernel="fused", optimiser="rowwise_adagrad", size=[6, 64],
                 shards=shards)]
    events.write(RunStarted(run_id=run.name, experiment=config.name, world_size=int(os.environ["WORLD_SIZE"]),
                            device="cpu", mode=config.launch.mode, dataset=data, parameters=1234, plan=plan))
def epoch(number, ndcg=0.1):
    events.write(Epoch(epoch=number, epochs=config.training.num_epochs, train_loss=5.0 - number, lr=0.1, seconds=0.1,
                       sequences_per_second=1000.0, metrics={"full": {"recall@10": 2 * ndcg, "ndcg@10": ndcg}}))
def tested(ndcg=0.2, popular=0.1):
    events.write(Test(checkpoint_epoch=1, metrics={"full": {"ndcg@10": dict(value=ndcg, low=0.1, high=0.3, n=10)}},
                      baseline={"full": {"ndcg@10": dict(value=popular, low=0.0, high=0.2, n=10)}}))
"""

GOOD = """
if rank == 0:
    started()
    for number in range(config.training.num_epochs):
        epoch(number, 0.1 * (number + 1))
    tested(ndcg=float(os.environ.get("NDCG", "0.2")))
    events.write(RunFinished(seconds=0.1, best_epoch=1))
"""
SLEEPS = 'print("asleep", file=log)\nif rank == 0: started()\ntime.sleep(60)'
CRASHES = 'print("about to break", file=log)\nif rank == 0: started()\nraise ValueError("this is broken")'


@pytest.fixture
def fake_torchrun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Processes started from here on find the stand-in for torchrun."""
    package = tmp_path / "stand-in" / "torch" / "distributed"
    package.mkdir(parents=True)
    (package.parent / "__init__.py").touch()
    (package / "__init__.py").touch()
    shutil.copy(HERE / "fake_torchrun.py", package / "run.py")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "stand-in"), prepend=os.pathsep)
    monkeypatch.setenv("B4R_GRACE", "1")


@pytest.fixture
def store(tmp_path: Path) -> RunStore:
    """A runs root of the test's own; no process of its runs outlives the test."""
    store = RunStore(tmp_path / "runs")
    yield store  # type: ignore[misc]
    end_all(store)


def end_all(store: RunStore) -> None:
    """Kill what works for the runs of a root: its runner first, which would start more."""
    for runner in runners(store):
        with suppress(psutil.NoSuchProcess):
            runner.terminate()
            runner.wait(10)
    for run in store.runs():
        for process in carriers(run.run_id):
            process.kill()


def runners(store: RunStore) -> list[psutil.Process]:
    """The living runners of a root; there should never be two for more than a moment."""
    return [
        process
        for process in psutil.process_iter()
        if command_of(process)[1:4] == ["-m", "b4r_tui.runs.queue.runner", str(store.root)]
    ]


def command_of(process: psutil.Process) -> list[str]:
    """Its command line, [] where it has gone."""
    try:
        return process.cmdline()
    except psutil.Error:
        return []


@pytest.fixture
def scripted(tmp_path: Path) -> Callable[..., Experiment]:
    """Makes an experiment whose ranks run a script's body."""

    def make(body: str, name: str = "tiny", epochs: int = 2, **launch: Any) -> Experiment:
        script = tmp_path / f"{name}.py"
        script.write_text(PREAMBLE + body)
        return Experiment.model_validate(
            {
                "name": name,
                "data": {"dataset_name": "synthetic"},
                "training": {"num_epochs": epochs},
                "evaluation": {"protocols": ["full"]},
                "launch": {"script": str(script), **launch},
            }
        )

    return make


@pytest.fixture
def experiments_file(tmp_path: Path, scripted: Callable[..., Experiment]) -> Callable[..., Path]:
    """Writes an experiments file of scripts: one experiment for each name and body."""

    def make(**bodies: str) -> Path:
        lines = ["defaults.data.dataset_name = 'synthetic'", "defaults.training.num_epochs = 2"]
        lines += ["defaults.evaluation.protocols = ['full']"]
        for name, body in bodies.items():
            scripted(body, name)
            lines += [f"[experiments.{name}]", f"launch.script = '{name}.py'"]
        path = tmp_path / "experiments.toml"
        path.write_text("\n".join(lines))
        return path

    return make


def wait_until(condition: Callable[[], object], seconds: float = 20.0) -> None:
    """Wait for a condition; the test fails where it does not come."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def wait_for_end(run: Run) -> None:
    """Wait until a run has ended and its summary is written."""
    wait_until(lambda: run.state.ended)
    wait_until(lambda: (run.dir / "summary.json").exists())
