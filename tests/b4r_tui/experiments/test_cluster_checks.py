"""What a launch on other machines needs on this one is missed before anything starts, with exit code 3."""

from __future__ import annotations

from pathlib import Path

import pytest

from b4r_tui.experiments.checks import problems_here
from b4r_tui.experiments.load import load_experiments
from engine.contract.errors import B4RError, ExitCode
from tests.builders import experiment_of
from tests.conftest import ROOT


@pytest.mark.parametrize(
    ("launch", "key", "words"),
    [
        ({"scheduler": "slurm", "j": "4x8"}, "launch.scheduler", "sbatch not found"),
        ({"j": "2x64", "hosts": ["a", "b"]}, "launch.hosts", "ssh not found"),
    ],
)
def test_a_missing_program_is_named(launch: dict, key: str, words: str, monkeypatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    (problem,) = problems_here(experiment_of(launch={**launch, "gpu": 0}))
    assert (problem.key, problem.code) == (key, ExitCode.ENVIRONMENT)
    assert words in problem.sentence


def test_without_torchx_its_extra_is_named(monkeypatch) -> None:
    monkeypatch.setattr("b4r_tui.experiments.checks.find_spec", lambda name: None)
    (problem,) = problems_here(experiment_of(launch={"scheduler": "torchx:kubernetes"}))
    assert "b4r-tui[torchx]" in problem.sentence


def test_gpus_and_cores_of_other_machines_are_not_counted_here(monkeypatch) -> None:
    monkeypatch.setattr("b4r_tui.experiments.checks.shutil.which", lambda program: program)
    assert not list(problems_here(experiment_of(launch={"scheduler": "slurm", "j": "4x8", "gpu": 8})))


def test_a_heir_changes_one_option_of_the_table_and_a_wrong_one_is_found_in_its_line(tmp_path: Path) -> None:
    path = tmp_path / "e.toml"
    text = "[defaults.data]\ndataset_name = 'synthetic'\n[experiments.a.launch]\nscheduler = 'torchx:local_cwd'\n"
    text += "[experiments.a.launch.torchx]\ncpu = 3\nmemory_mb = 9\n"
    text += "[experiments.b]\nextends = 'a'\nlaunch.torchx.cpu = 4\n"
    path.write_text(text)
    torchx = load_experiments(path).named("b").launch.torchx
    assert torchx is not None and (torchx.cpu, torchx.memory_mb) == (4, 9)
    path.write_text(text.replace("memory_mb", "memory_bm"))
    with pytest.raises(
        B4RError, match=r"e.toml:7: .*torchx.memory_bm: unknown key; did you mean 'memory_mb'"
    ):
        load_experiments(path)


def test_the_example_of_slurm_says_what_it_asks_for(monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setattr("b4r_tui.experiments.checks.shutil.which", lambda program: program)
    text = (ROOT / "examples" / "slurm.toml").read_text().replace("# partition", "partition")
    (tmp_path / "datasets" / "ml-1m").mkdir(parents=True)
    (tmp_path / "datasets" / "ml-1m" / "ratings.dat").touch()
    (tmp_path / "examples").mkdir()
    (tmp_path / "examples" / "slurm.toml").write_text(text)
    copied, sharded = load_experiments(tmp_path / "examples" / "slurm.toml").experiments
    assert copied.launch.slurm is not None and copied.launch.slurm.partition == "gpu"
    assert (sharded.launch.mode, sharded.launch.ranks, sharded.launch.gpu) == ("dmp", 8, 4)
