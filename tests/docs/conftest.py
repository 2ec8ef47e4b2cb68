"""A folder in which to run documented commands: the files they name, runs in every state, stand-ins for ranks."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from b4r_tui.runs.records import ExitRecord, write_exit
from b4r_tui.runs.store import RunStore
from engine.contract.config.experiment import Experiment
from tests.b4r_tui.conftest import GOOD, PREAMBLE, end_all, fake_torchrun
from tests.b4r_tui.results.trained import trained
from tests.conftest import ROOT

__all__ = ["fake_torchrun"]
SCRIPTS = ROOT / "tests" / "b4r_tui" / "experiments" / "importing" / "scripts"
TRAINED = (
    "base",
    "big",
    "small-lr0.001-emb_dim16",
    "first",
    "output-tie_outputfalse",
    "output-tie_outputtrue",
    "output-tie_outputtrue-s1",
)
SEARCHED = """
[experiments.searched]
training.num_epochs = 2
[experiments.searched.sweep]
"training.lr" = [1e-3, 1e-2]
"""
TINY = """
[experiments.tiny]
data = {dataset_name = "synthetic", random_user_count = 60, random_item_count = 40, random_size = 900}
model = {max_len = 12, emb_dim = 16, num_layers = 1}
training = {num_epochs = 1, train_batch_size = 32, dupe_factor = 1}
evaluation = {metric_ks = [5, 10], protocols = ["full", "popular-10"]}
launch = {gpu = 0}
"""


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files that commands name, and finished, stopped, failed and queued runs."""
    place = tmp_path_factory.mktemp("template")
    ranks = place / "ranks.py"
    ranks.write_text(PREAMBLE + GOOD)
    _files(place, f'\n[defaults.launch]\nscript = "{ranks}"\nthreads = 1\n')
    store = RunStore(place / "runs")
    for position, name in enumerate(TRAINED, 1):
        for seed in (1, 2):
            run = trained(store, name, seed, skill=position / 10, training={"lr": position / 1000})
            (run.dir / "logs").mkdir(exist_ok=True)
            for rank in (0, 1):
                (run.dir / "logs" / f"rank_{rank}.log").write_text("NDCG\n")
    for name, reason in (("halted", "stopped"), ("broken", "failed")):
        run = store.create(_scripted(name, ranks))
        write_exit(run.dir, ExitRecord(reason=reason, ended_at=1.7e9, code=1))
    for name in ("waiting", "later"):
        store.create(_scripted(name, ranks))
    return place


def _files(place: Path, launch: str) -> None:
    """Create experiments files with stand-in ranks, the data sets they name, and the original's scripts."""
    shutil.copytree(ROOT / "examples", place / "examples")
    (place / "experiments.toml").write_text((ROOT / "experiments.toml").read_text() + SEARCHED)
    for file in (
        place / "experiments.toml",
        *(place / "examples" / f"{n}.toml" for n in ("ml-100k", "ml-1m")),
    ):
        file.write_text(file.read_text() + launch)
    shutil.copy(place / "experiments.toml", place / "more.toml")
    for name, file, line in (("ml-100k", "u.data", "1\t2\t3\t4\n"), ("ml-1m", "ratings.dat", "1::2::3::4\n")):
        (place / "datasets" / name).mkdir(parents=True)
        (place / "datasets" / name / file).write_text(line)
    for script in ("train.sh", "eval.sh"):
        shutil.copy(SCRIPTS / script, place)


def _scripted(name: str, script: Path) -> Experiment:
    launch = {"script": str(script), "threads": 1}
    return Experiment.model_validate(
        {
            "name": name,
            "data": {"dataset_name": "synthetic"},
            "training": {"num_epochs": 2},
            "evaluation": {"protocols": ["full"]},
            "launch": launch,
        }
    )


@pytest.fixture
def workplace(
    template: Path, tmp_path: Path, fake_torchrun: None, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Path]:
    """A copy of the template as working folder; processes of its runs end with the test."""
    place = Path(shutil.copytree(template, tmp_path / "workplace"))
    monkeypatch.chdir(place)
    yield place
    end_all(RunStore(place / "runs"))


@pytest.fixture(scope="session")
def real_place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the repository's experiments file and one trained run."""
    place = tmp_path_factory.mktemp("real")
    shutil.copy(ROOT / "experiments.toml", place)
    (place / "tiny.toml").write_text(TINY)
    env = os.environ | {"OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "b4r_tui", "--run", "tiny.toml"]
    completed = subprocess.run(
        command, cwd=place, env=env, capture_output=True, text=True, timeout=300, check=False
    )
    assert completed.returncode == 0, completed.stdout + completed.stderr
    return place
