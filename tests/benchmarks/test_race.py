"""Speed is computed from the marks of real processes, and a failing process gives the reason."""

from __future__ import annotations

import sys
import textwrap
from pathlib import Path

import pytest

from benchmarks import step_clock
from benchmarks.race import NoFigures, after_warm_up, enough, race, steps_per_second

ROOT = Path(__file__).resolve().parents[2]
TRAINING = """\
    import sys, time
    from pathlib import Path
    import torch
    import step_clock

    step_clock.start(Path("steps.jsonl"))
    weight = torch.nn.Parameter(torch.ones(1))
    optimiser = torch.optim.Adam([weight])
    while True:
        weight.grad = torch.ones(1)
        optimiser.step()
        time.sleep(0.01)
"""


def test_the_warm_up_is_not_measured() -> None:
    slow_start = [(0.0, 1), (1.0, 2), (2.5, 3), (3.0, 10), (4.0, 20), (5.0, 30)]
    assert after_warm_up(slow_start)[0] == (3.0, 10)
    assert steps_per_second(slow_start) == 10.0
    assert enough(slow_start, 2.0)
    assert not enough(slow_start, 2.1)


def test_fewer_than_two_marks_after_the_warm_up_are_not_enough() -> None:
    assert after_warm_up([]) == []
    assert not enough([(0.0, 1), (9.0, 9)], 0.0)


def test_a_training_process_is_measured_and_killed(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(textwrap.dedent(TRAINING))
    command = [sys.executable, "program.py"]
    env = {"PYTHONPATH": str(ROOT / "benchmarks")}
    figures = race(command, tmp_path, lambda: step_clock.read(tmp_path / "steps.jsonl"), 0.6, env)
    steps = step_clock.read(tmp_path / "steps.jsonl")
    assert steps[0][1] == 1
    assert 0 < figures.steps_per_second < 100  # each step sleeps for a hundredth of a second
    assert figures.first_step > 0
    assert figures.peak_mb > 50


def test_a_failing_process_gives_its_last_line(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "raise SystemExit('no such data')"]
    with pytest.raises(NoFigures, match="no such data"):
        race(command, tmp_path, lambda: [], 1.0, {})


def test_an_incomplete_last_mark_is_ignored(tmp_path: Path) -> None:
    path = tmp_path / "steps.jsonl"
    assert step_clock.read(path) == []
    path.write_text('{"t": 1.5, "steps": 1}\n{"t": 2.5, "st')
    assert step_clock.read(path) == [(1.5, 1)]
