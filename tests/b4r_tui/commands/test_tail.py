"""`--tail`: which lines of which logs it prints."""

from __future__ import annotations

from pathlib import Path

import pytest

from b4r_tui.commands.main import main
from b4r_tui.experiments.load import load_experiments
from engine.contract.errors import ExitCode
from tests.b4r_tui.app.sample_runs import RunFolder, write_experiments

CRASH = """\
ERROR: it broke
Traceback (most recent call last):
  File "train.py", line 88, in step
RuntimeError: out of luck
x.py:3: UserWarning: careful
fine again"""


@pytest.fixture
def crashed(tmp_path: Path) -> RunFolder:
    experiment = load_experiments(write_experiments(tmp_path), only=["ml-1m-base"]).experiments[0]
    folder = RunFolder(tmp_path / "runs", "20251009-081005-3f2a", experiment).started().epochs(2)
    folder.warned("3 users are new").failed("rank 1 broke").log("rank_1", CRASH)
    return folder.log("launcher", "W1125 10:00:00.123000 4711 torch/distributed/run.py:793] threads")


@pytest.fixture
def tail(crashed: RunFolder, capsys: pytest.CaptureFixture[str]):
    def tail(*options: str, code: int = ExitCode.OK) -> list[str]:
        root = crashed.run.dir.parent.parent
        assert main(["--runs", str(root), "--tail", "ml-1m-base", *options]) == code
        return capsys.readouterr().out.splitlines()

    return tail


def test_a_level_leaves_graver_lines_with_the_tracebacks_that_belong_to_them(tail) -> None:
    assert tail("--rank", "1", "--level", "error") == CRASH.splitlines()[:4]
    assert tail("--rank", "1", "--level", "warning", "--grep", "careful") == CRASH.splitlines()[4:5]
    assert tail("--rank", "1", "--level", "critical") == []
    everything = tail("--level", "warning")
    assert "launcher │ W1125 10:00:00.123000 4711 torch/distributed/run.py:793] threads" in everything
    assert any("failed: " in line and line.startswith("events ") for line in everything)
    assert any("3 users are new" in line for line in everything)
    assert not any("epoch 1" in line or "fine again" in line for line in everything)


def test_several_ranks_are_shown_each_with_its_name(tail) -> None:
    lines = tail("--rank", "1", "0", "--lines", "2")
    assert lines[:2] == ["rank 1   │ x.py:3: UserWarning: careful", "rank 1   │ fine again"]
    assert [line[:8] for line in lines] == ["rank 1  "] * 2 + ["rank 0  "] * 2
    assert tail("--rank", "0", "--rank", "1", "--lines", "1")[-1] == "rank 1   │ fine again"
    assert tail("--rank", "0", "9", code=ExitCode.BAD_INPUT) == []


def test_a_level_without_tail_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--level", "error"])
    assert "--level require --tail" in capsys.readouterr().err
