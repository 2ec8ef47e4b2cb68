"""A search over real training works with the installed program, torchrun and optuna."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

FILE = """
[defaults]
data = {dataset_name = "synthetic", random_user_count = 60, random_item_count = 40, random_size = 900}
model = {max_len = 12, emb_dim = 16, num_layers = 1}
training = {num_epochs = 2, dupe_factor = 1}
evaluation = {metric_ks = [10], protocols = ["full"]}
launch = {gpu = 0, threads = 1}
[experiments.tiny.sweep]
method = "optuna"
trials = 2
"training.lr" = {low = 1e-3, high = 1e-1, log = true}
"""


@pytest.mark.torchrun
def test_the_best_point_of_a_search_has_the_best_validation(tmp_path: Path) -> None:
    (tmp_path / "e.toml").write_text(FILE)
    command = [sys.executable, "-m", "b4r_tui", "sweep", "e.toml", "--json"]
    completed = subprocess.run(
        command, cwd=tmp_path, env={**os.environ}, capture_output=True, text=True, timeout=300, check=False
    )
    assert completed.returncode == 0, completed.stderr
    *events, line = [json.loads(each) for each in completed.stdout.splitlines()]
    best_of_run: dict[str, float] = {}
    for event in events:
        if event["type"] == "epoch":
            value = event["metrics"]["full"]["ndcg@10"]
            best_of_run[event["experiment"]] = max(value, best_of_run.get(event["experiment"], 0.0))
    assert {point["point"]: point["value"] for point in line["points"]} == best_of_run
    assert len(best_of_run) == 2
    assert line["best"]["value"] == max(best_of_run.values())
    assert 0.0 < line["best"]["test"]["full"] <= 1.0
