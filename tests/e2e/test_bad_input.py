"""The installed program reports bad input in one sentence that names the file, and exits with 2."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.torchrun

PROGRAM = Path(sys.executable).with_name("b4r-tui")
TINY = """
[experiments.good]
data = {dataset_name = "synthetic", random_user_count = 40, random_item_count = 20, random_size = 400}
model = {max_len = 8, emb_dim = 8, num_layers = 1}
training = {num_epochs = 1}
launch = {gpu = 0}
"""
TORN = """
[experiments.torn]
data = {dataset_name = "ml-100k", dataset_path = "data"}
launch = {gpu = 0}
"""


def run(folder: Path, experiments: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    (folder / "experiments.toml").write_text(experiments)
    return subprocess.run(
        [PROGRAM, "--run", "experiments.toml", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


def torn_data(folder: Path) -> None:
    (folder / "data").mkdir()
    rows = [f"{user}\t{item}\t5\t{item}" for user in range(1, 6) for item in range(1, 9)]
    rows[16] = "3\t1"
    (folder / "data" / "u.data").write_text("\n".join(rows) + "\n")


def test_a_torn_data_line_is_named_and_exits_with_2(tmp_path: Path) -> None:
    torn_data(tmp_path)
    completed = run(tmp_path, TORN)
    lines = [line for line in (completed.stdout + completed.stderr).splitlines() if "u.data" in line]
    assert completed.returncode == 2
    assert lines and "17" in lines[-1]
    assert "Traceback" not in completed.stdout + completed.stderr


def test_a_failing_run_does_not_hide_the_result_of_another(tmp_path: Path) -> None:
    torn_data(tmp_path)
    completed = run(tmp_path, TORN + TINY)
    assert completed.returncode == 2
    assert any("good" in line and "popularity" not in line for line in completed.stdout.splitlines())
    assert "leaderboard" in completed.stdout.lower() or "ndcg@10" in completed.stdout.lower()
    assert "u.data" in completed.stdout


def test_a_missing_data_folder_starts_nothing(tmp_path: Path) -> None:
    completed = run(tmp_path, TORN)
    assert completed.returncode == 2
    assert len(completed.stderr.splitlines()) == 1
    assert "experiments.toml:3" in completed.stderr and "data" in completed.stderr
    assert not (tmp_path / "runs").exists()
