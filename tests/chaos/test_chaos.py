"""A few rounds of chaos pass, and its checks detect what they should."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.chaos import integrity
from tests.chaos.event_log import read_event_log
from tests.chaos.ranks import STEPS, Chain, first, undisturbed
from tests.chaos.truth import Traces, true_state
from tests.conftest import ROOT

ROUNDS = 8


def test_a_few_rounds_leave_no_wrong_state_corrupt_file_or_process(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "tests.chaos",
        "--rounds",
        str(ROUNDS),
        "--seed",
        "3",
        "--real-every",
        "0",
    ]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    completed = subprocess.run(
        [*command, "--root", str(tmp_path / "chaos")],
        cwd=ROOT, env=env, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert completed.returncode == 0, completed.stdout + completed.stderr
    report = json.loads((tmp_path / "chaos" / "report.json").read_text())
    assert len(report["rounds"]) == ROUNDS
    assert sum(any(each["faults"].values()) for each in report["rounds"]) > ROUNDS // 2, "most faults hit"


def test_an_extra_step_changes_the_result() -> None:
    twice = first(5, 0)
    for _ in range(STEPS + 1):
        twice.advance()
    assert twice.value != undisturbed(5, 1)[0].metrics["full"]["ndcg@10"]
    assert Chain(0.5).value == 0.5


def test_the_event_log_has_the_last_report_of_an_epoch_and_counts_torn_lines(tmp_path: Path) -> None:
    events = [
        {"type": "epoch", "epoch": 0, "train_loss": 2.0, "metrics": {}},
        {"type": "epoch", "epoch": 1, "train_loss": 9.0, "metrics": {}},
        {"type": "run_resumed", "epoch": 1},
        {"type": "epoch", "epoch": 1, "train_loss": 1.0, "metrics": {}},
    ]
    lines = [json.dumps(event) for event in events]
    (tmp_path / "events.jsonl").write_text("\n".join([*lines[:2], '{"type": "ep', *lines[2:]]) + "\n")
    log = read_event_log(tmp_path)
    assert log.epochs == {0: (2.0, {}), 1: (1.0, {})}
    assert (log.torn, log.finished) == (1, False)


def test_corrupt_files_and_leftovers_are_detected(tmp_path: Path) -> None:
    for name, text in (
        ("good.json", "{}"),
        ("torn.json", '{"a'),
        ("torn.toml", "a = ["),
        ("e.jsonl", '{}\n{"'),
    ):
        (tmp_path / name).write_text(text)
    (tmp_path / ".status.json.abcd1234").write_text("{")
    files = list(integrity.corrupt(tmp_path))
    assert [Path(each.partition(":")[0]).name for each in files] == ["e.jsonl", "torn.json", "torn.toml"]
    assert [path.name for path in integrity.leftovers(tmp_path)] == [".status.json.abcd1234"]
    assert list(integrity.corrupt(tmp_path, torn_lines=1)) == [
        each for each in files if "e.jsonl" not in each
    ]


def test_the_true_state_comes_from_files_and_the_lock(tmp_path: Path) -> None:
    (tmp_path / "status.json").write_text('{"started_at": null}')
    assert true_state(tmp_path) == "queued"
    (tmp_path / "status.json").write_text('{"started_at": 1.0}')
    assert true_state(tmp_path) == "lost"
    (tmp_path / "exit.json").write_text('{"reason": "time_limit"}')
    assert true_state(tmp_path) == "stopped"


@pytest.mark.parametrize("mark", ["environment", "command line", "session"])
def test_an_orphan_is_detected_by_each_mark(tmp_path: Path, mark: str) -> None:
    traces, run_dir = Traces(tmp_path), str(tmp_path / "a" / "b")
    sleeps = [sys.executable, "-c", "import time; time.sleep(60)"]
    env = {"B4R_RUN_DIR": run_dir} if mark == "environment" else {}
    process = subprocess.Popen(
        [*sleeps, run_dir] if mark == "command line" else sleeps, env=env, start_new_session=True
    )
    try:
        traces.sessions |= {process.pid} if mark == "session" else set()
        assert [line.split()[0] for line in traces.left()] == [str(process.pid)]
    finally:
        process.kill()
        process.wait()
    assert traces.left() == []
