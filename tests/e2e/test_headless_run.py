"""`b4r-tui --run` of the installed program works with the real engine: both modes, JSON, and Ctrl-C."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

pytestmark = pytest.mark.torchrun

PROGRAM = Path(sys.executable).with_name("b4r-tui")
EXPERIMENTS = """
[defaults]
data = {dataset_name = "synthetic", random_user_count = 200, random_item_count = 60, random_size = 4000}
model = {max_len = 16, emb_dim = 32, num_layers = 1}
training = {num_epochs = 12, lr = 4e-3, mask_prob = 0.3, train_batch_size = 32}
evaluation = {metric_ks = [10]}
launch = {gpu = 0}

[experiments.copied]
[experiments.sharded]
launch = {mode = "dmp", j = "1x2"}
training = {train_batch_size = 16}
"""


def start(folder: Path, experiments: str, *arguments: str) -> subprocess.Popen[str]:
    (folder / "experiments.toml").write_text(experiments)
    command = [PROGRAM, "--run", "experiments.toml", *arguments]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, cwd=folder, stdout=pipe, stderr=pipe, text=True)


def test_both_modes_beat_popularity_and_report_json(tmp_path: Path) -> None:
    process = start(tmp_path, EXPERIMENTS, "--json")
    out, err = process.communicate(timeout=280)
    assert process.returncode == 0, err
    *events, summary = [json.loads(line) for line in out.splitlines()]
    assert {event["experiment"] for event in events} == {"copied", "sharded"}
    assert {event["type"] for event in events} >= {
        "run_started",
        "epoch",
        "checkpoint",
        "test",
        "run_finished",
    }
    (board,) = summary["leaderboard"]
    assert [row["value"] for row in board["rows"]] == sorted(
        (r["value"] for r in board["rows"]), reverse=True
    )
    assert {row["experiment"]: row["mode"] for row in board["rows"]} == {"copied": "ddp", "sharded": "dmp"}
    assert all(row["value"] > 1.5 * row["popularity"] for row in board["rows"])


def test_ctrl_c_stops_the_run_and_leaves_no_process(tmp_path: Path) -> None:
    process = start(tmp_path, EXPERIMENTS.replace("num_epochs = 12", "num_epochs = 100000"))
    deadline = time.monotonic() + 120
    while '"epoch",' not in events_text(tmp_path) and time.monotonic() < deadline:
        time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, (out, err)
    states = subprocess.run(
        [PROGRAM, "runs", "--json"], cwd=tmp_path, capture_output=True, text=True, check=True
    ).stdout
    assert states.count("stopped") >= 2
    deadline = time.monotonic() + 20  # the runner waits a moment for more work
    while processes := [p for p in psutil.process_iter() if str(tmp_path) in " ".join(arguments_of(p))]:
        assert time.monotonic() < deadline, processes
        time.sleep(0.2)


def events_text(folder: Path) -> str:
    return "".join(path.read_text() for path in folder.glob("runs/*/*/events.jsonl"))


def arguments_of(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline() if process.pid != os.getpid() else []
    except psutil.Error:
        return []
