"""Problems stop a launch before anything is queued; warnings do not."""

from __future__ import annotations

from pathlib import Path

import pytest

from b4r_tui.runs.launch import launch
from b4r_tui.runs.preflight import capacity, checks
from b4r_tui.runs.preflight.checks import check_launch
from b4r_tui.runs.preflight.preflight import PreflightError, preflight, record_warnings
from b4r_tui.runs.store import RunStore
from engine.contract.errors import ExitCode
from engine.contract.events import Warn, read_events
from tests.builders import experiment_of

HUGE = {"data": {"random_item_count": 50_000_000}, "model": {"emb_dim": 4096}}


def keys(experiment, root: Path, stops: bool) -> set[str]:
    status = "problem" if stops else "warning"
    return {check.key for check in check_launch(experiment, root) if check.status == status}


def test_a_small_experiment_may_start(tmp_path: Path) -> None:
    assert not keys(experiment_of(), tmp_path, stops=True)


def test_what_can_never_fit_is_refused_before_a_folder_is_made(tmp_path: Path) -> None:
    store = RunStore(tmp_path / "runs")
    with pytest.raises(PreflightError, match=r"tiny: launch\.j: .*of memory needed") as caught:
        launch(store, [experiment_of(), experiment_of(**HUGE)])
    assert caught.value.code is ExitCode.ENVIRONMENT
    assert not store.root.exists()


def test_a_full_disk_stops_a_launch_and_a_nearly_full_one_warns(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(capacity, "disk", lambda place: 1000)
    assert "training.export_root" in keys(experiment_of(), tmp_path, stops=True)
    many = experiment_of(training={"num_epochs": 1_000_000})
    monkeypatch.setattr(capacity, "disk", lambda place: 10**9)
    assert "training.keep_checkpoints" in keys(many, tmp_path, stops=False)
    few = experiment_of(training={"num_epochs": 1_000_000, "keep_checkpoints": 1})
    assert "training.keep_checkpoints" not in keys(few, tmp_path, stops=False)


def test_little_free_memory_is_a_warning_only(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(capacity, "memory", lambda: capacity.Capacity(total=10**12, free=10**6))
    assert "launch.j" in keys(experiment_of(), tmp_path, stops=False)
    assert not keys(experiment_of(), tmp_path, stops=True)


def test_more_ranks_than_cores_or_sequences_warn(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(checks, "cpu_cores", lambda: 1)
    wide = experiment_of(launch={"j": "1x2", "gpu": 0}, training={"train_batch_size": 4096})
    assert {"launch.j", "training.train_batch_size"} <= keys(wide, tmp_path, stops=False)


def test_a_root_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert "--runs" in keys(experiment_of(), tmp_path / "file" / "runs", stops=True)


def test_warnings_become_events(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(capacity, "memory", lambda: capacity.Capacity(total=10**12, free=10**6))
    run = RunStore(tmp_path / "runs").create(experiment_of())
    (warnings,) = preflight(tmp_path / "runs", [experiment_of()])
    record_warnings(run, warnings)
    events = [record.event for record in read_events(run.events_path)]
    assert events and all(isinstance(event, Warn) and event.code == "preflight" for event in events)


@pytest.mark.parametrize(
    ("line", "folder", "limit", "used"),
    [
        ("0::/job\n", "job", "memory.max", "memory.current"),
        ("4:memory:/job\n", "memory/job", "memory.limit_in_bytes", "memory.usage_in_bytes"),
    ],
)
def test_a_control_groups_limit_counts(tmp_path: Path, line: str, folder: str, limit: str, used: str) -> None:
    (tmp_path / "membership").write_text(line)
    (tmp_path / folder).mkdir(parents=True)
    (tmp_path / folder / limit).write_text("5000000\n")
    (tmp_path / folder / used).write_text("2000000\n")
    assert capacity.memory(tmp_path, tmp_path / "membership") == capacity.Capacity(
        total=5_000_000, free=3_000_000
    )
