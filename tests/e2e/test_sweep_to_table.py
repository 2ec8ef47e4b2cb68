"""Two commands of the installed program, with real training, turn a sweep in TOML into a table for a paper."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.torchrun

PROGRAM = Path(sys.executable).with_name("b4r-tui")
SWEEP = """
[experiments.small]
data = {dataset_name = "synthetic", random_user_count = 150, random_item_count = 60, random_size = 3000}
model = {max_len = 16, emb_dim = 16, num_layers = 1}
training = {num_epochs = 1, train_batch_size = 32, dupe_factor = 1}
evaluation = {metric_ks = [10], protocols = ["full"]}
launch = {gpu = 0}
sweep = {"training.lr" = [1e-4, 1e-2], seeds = [1, 2]}
"""


def b4r(folder: Path, *arguments: str) -> str:
    completed = subprocess.run(
        [PROGRAM, *arguments], cwd=folder, capture_output=True, text=True, timeout=400, check=False
    )
    assert completed.returncode == 0, completed.stderr
    return completed.stdout


def test_a_sweep_becomes_a_table_and_a_comparison(tmp_path: Path) -> None:
    (tmp_path / "sweep.toml").write_text(SWEEP)
    output = b4r(tmp_path, "--run", "sweep.toml")
    board = output[output.index("Leaderboard: ndcg@10 on test") :]
    assert re.search(r"small-lr0\.01 +2 +ddp x1 +1 +0\.\d{4} ± 0\.\d{4}", board)
    table = b4r(
        tmp_path, "export", "--format", "latex", "--baseline", "small-lr0.0001", "--metrics", "ndcg@10"
    )
    rows = [line.strip() for line in table.splitlines() if line.endswith(r"\\")]
    assert {row.partition(" & ")[0] for row in rows[1:]} == {"small-lr0.01", "small-lr0.0001"}
    assert all(" & 2 & " in row for row in rows[1:])
    assert table.count(r"\textbf{") == 1
    names = ("small-lr0.0001", "small-lr0.01")
    compared = json.loads(b4r(tmp_path, "compare", *names, "--json"))
    assert [side["seeds"] for side in compared["sides"]] == [[1, 2], [1, 2]]
    assert [setting["key"] for setting in compared["settings"]] == ["training.lr"]
    versus = compared["sides"][1]["versus"]
    assert versus["wins"] + versus["ties"] + versus["losses"] == compared["users"]
    assert 0 < versus["p"] <= 1
    values = {side["name"]: side["scores"]["ndcg@10"]["value"] for side in compared["sides"]}
    assert versus["difference"] == pytest.approx(values[names[1]] - values[names[0]])
