"""A few rounds of the chaos, and that its checks see what they are there to see."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.chaos import whole
from tests.chaos.ranks import STEPS, Chain, first, undisturbed
from tests.chaos.story import read_story
from tests.chaos.truth import Traces, true_state
from tests.conftest import ROOT

ROUNDS = 8


def test_a_few_rounds_leave_nothing_untrue_torn_or_alive(tmp_path: Path) -> None:
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
    done = subprocess.run(
        [*command, "--root", str(tmp_path / "chaos")],
        cwd=ROOT, env=env, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads((tmp_path / "chaos" / "report.json").read_text())
    assert len(report["rounds"]) == ROUNDS
    assert sum(any(played["faults"].values()) for played in report["rounds"]) > ROUNDS // 2, "most faults hit"


def test_a_step_left_out_or_made_twice_changes_every_later_number() -> None:
    twice = first(5, 0)
    for _ in range(STEPS + 1):
        twice.advance()
    assert twice.value != undisturbed(5, 1)[0].metrics["full"]["ndcg@10"]
    assert Chain(0.5).value == 0.5


def test_a_story_counts_the_last_word_on_an_epoch_and_torn_lines(tmp_path: Path) -> None:
    told = [
        {"type": "epoch", "epoch": 0, "train_loss": 2.0, "metrics": {}},
        {"type": "epoch", "epoch": 1, "train_loss": 9.0, "metrics": {}},
        {"type": "run_resumed", "epoch": 1},
        {"type": "epoch", "epoch": 1, "train_loss": 1.0, "metrics": {}},
    ]
    lines = [json.dumps(event) for event in told]
    (tmp_path / "events.jsonl").write_text("\n".join([*lines[:2], '{"type": "ep', *lines[2:]]) + "\n")
    story = read_story(tmp_path)
    assert story.epochs == {0: (2.0, {}), 1: (1.0, {})}
    assert (story.torn, story.finished) == (1, False)


def test_torn_files_and_leftovers_are_found(tmp_path: Path) -> None:
    for name, text in (
        ("good.json", "{}"),
        ("torn.json", '{"a'),
        ("torn.toml", "a = ["),
        ("e.jsonl", '{}\n{"'),
    ):
        (tmp_path / name).write_text(text)
    (tmp_path / ".status.json.abcd1234").write_text("{")
    found = list(whole.corrupt(tmp_path))
    assert [Path(each.partition(":")[0]).name for each in found] == ["e.jsonl", "torn.json", "torn.toml"]
    assert [path.name for path in whole.leftovers(tmp_path)] == [".status.json.abcd1234"]
    assert list(whole.corrupt(tmp_path, torn_lines=1)) == [each for each in found if "e.jsonl" not in each]


def test_the_truth_is_told_by_files_and_the_lock(tmp_path: Path) -> None:
    (tmp_path / "status.json").write_text('{"started_at": null}')
    assert true_state(tmp_path) == "queued"
    (tmp_path / "status.json").write_text('{"started_at": 1.0}')
    assert true_state(tmp_path) == "lost"
    (tmp_path / "exit.json").write_text('{"reason": "time_limit"}')
    assert true_state(tmp_path) == "stopped"


@pytest.mark.parametrize("mark", ["environment", "command line", "session"])
def test_an_orphan_is_found_by_whatever_marks_it(tmp_path: Path, mark: str) -> None:
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
