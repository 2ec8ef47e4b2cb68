"""The memory estimate, against the memory of real runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.contract import kernel_sizes
from engine.contract.config.experiment import read_run_config
from engine.contract.events import Progress, read_events
from engine.contract.resource_estimate import DataSize, estimate, known_size
from tests.builders import experiment_of

FACTOR = 2


@pytest.mark.torchrun
def test_a_real_run_uses_about_the_estimated_memory(single_run: Path) -> None:
    experiment = read_run_config(single_run)
    size = known_size(experiment)
    assert size is not None
    events = [record.event for record in read_events(single_run / "events.jsonl")]
    measured = max(event.memory_mb or 0 for event in events if isinstance(event, Progress)) * 2**20
    expected = estimate(experiment, size).memory
    assert measured / FACTOR < expected < measured * FACTOR
    files = list((single_run / "checkpoints").glob("epoch_*_model.pth"))
    weights = files[0].stat().st_size
    assert weights / FACTOR < estimate(experiment, size).checkpoint < weights * FACTOR


def test_sharding_divides_memory_among_ranks() -> None:
    size = DataSize(10_000, 100, 1_000_000)
    one, four = (
        estimate(experiment_of(launch={"mode": "dmp", "j": f"1x{ranks}", "gpu": 0}), size).state
        for ranks in (1, 4)
    )
    assert one / 5 < four < one / 3


def test_more_of_anything_takes_more() -> None:
    size = DataSize(10_000, 100, 5_000)
    base = estimate(experiment_of(), size)
    assert estimate(experiment_of(model={"emb_dim": 64}), size).state > base.state
    assert estimate(experiment_of(training={"train_batch_size": 64}), size).activations > base.activations
    assert estimate(experiment_of(), DataSize(10_000, 100, 50_000)).logits > base.logits


@pytest.mark.parametrize(
    ("size", "training", "grows"),
    [
        ("CHUNK_TOKENS", {"loss": "full"}, "activations"),
        ("RETAINED_LOGITS", {"loss": "full"}, "logits"),
        ("DEFAULT_NEGATIVES", {"loss": "sampled"}, "logits"),
    ],
)
def test_it_counts_with_the_sizes_that_the_kernels_work_by(
    monkeypatch: pytest.MonkeyPatch, size: str, training: dict[str, object], grows: str
) -> None:
    settings = {"training": {"train_batch_size": 8192, **training}, "launch": {"gpu": 0, "threads": 1}}
    data = DataSize(10_000_000, 100_000, 100_000)
    monkeypatch.setattr(kernel_sizes, "RETAINED_LOGITS", 0)
    before = getattr(estimate(experiment_of(**settings), data), grows)
    monkeypatch.setattr(kernel_sizes, size, 1 << 40 if size == "RETAINED_LOGITS" else 8192)
    assert getattr(estimate(experiment_of(**settings), data), grows) > before
