"""`rerun --check` and `show --repro`: what is told of the same and of other numbers, data and surroundings."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import tomli

from b4r_tui.commands.main import main
from b4r_tui.experiments.load import load_experiments
from b4r_tui.results.rerun_check import check_rerun
from b4r_tui.runs.environment import changes
from b4r_tui.runs.launch import launch
from b4r_tui.runs.progress import RunProgress
from b4r_tui.runs.store import Run, RunStore, config_text
from engine.contract.config.experiment import Experiment
from engine.contract.events import Epoch, Record
from tests.b4r_tui.conftest import CRASHES, GOOD, wait_for_end, wait_until

Scripted = Callable[..., Experiment]
EXPERIMENT = """
[experiments.tiny]
data = {dataset_name = "csv", dataset_path = "plays.csv"}
model = {max_len = 8, emb_dim = 8, num_layers = 1}
training = {num_epochs = 2, train_batch_size = 16, dupe_factor = 1}
evaluation = {metric_ks = [1, 10], protocols = ["full"]}
launch = {gpu = 0, threads = 1}
"""


def ended_run(store: RunStore, experiment: Experiment) -> Run:
    (run,) = launch(store, [experiment])
    wait_until(lambda: run.state.ended, seconds=200)  # real ranks on a busy machine
    wait_for_end(run)
    return run


def checked(store: RunStore, run: Run, *arguments: str) -> int:
    return main(["rerun", run.run_id, "--check", "--runs", str(store.root), *arguments])


@pytest.mark.usefixtures("fake_torchrun")
def test_a_run_with_the_same_numbers_is_identical(
    store: RunStore, scripted: Scripted, capsys: pytest.CaptureFixture[str]
) -> None:
    run = ended_run(store, scripted(GOOD))
    assert checked(store, run) == 0
    assert "identical: all" in capsys.readouterr().out
    assert len(store.runs()) == 2


@pytest.mark.usefixtures("fake_torchrun")
def test_the_first_difference_is_told_with_what_surrounds_it(
    store: RunStore, scripted: Scripted, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = ended_run(store, scripted(GOOD))
    (run.dir / "environment.json").write_text('{"threads": 4, "packages": {"torch": "1.0"}}')
    scripted(
        GOOD.replace("0.1 * (number + 1)", "0.1 * (number + 1) + 0.5 * number")
    )  # the same file, another script
    assert checked(store, run, "--json") == 1
    verdict = json.loads(capsys.readouterr().out)
    assert verdict["first"] == {
        "epoch": 1,
        "metric": "full.recall@10",
        "then": 0.4,
        "now": 1.4,
        "sentence": "full.recall@10 in epoch 1 was 0.4 and is 1.4, +1",
    }
    assert (verdict["identical"], verdict["different"]) == (False, 2)
    assert verdict["environment"] == {"threads": [4, None], "torch": ["1.0", None]}


@pytest.mark.usefixtures("fake_torchrun")
def test_a_run_that_fails_or_did_not_finish_is_no_proof(
    store: RunStore, scripted: Scripted, capsys: pytest.CaptureFixture[str]
) -> None:
    run = ended_run(store, scripted(GOOD))
    scripted(CRASHES)
    assert checked(store, run) == 1
    assert "is failed: " in capsys.readouterr().out
    failed = store.runs()[-1]
    wait_for_end(failed)
    assert checked(store, failed) == 2
    assert "check a finished run" in capsys.readouterr().err


@pytest.mark.usefixtures("fake_torchrun")
def test_without_check_the_run_is_left_to_itself(
    store: RunStore, scripted: Scripted, capsys: pytest.CaptureFixture[str]
) -> None:
    run = ended_run(store, scripted(GOOD))
    assert main(["rerun", "tiny", "--runs", str(store.root), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["run"] == run.run_id
    again = store.runs()[-1]
    wait_for_end(again)
    assert config_text(again.config()) == config_text(run.config())


@pytest.mark.torchrun
def test_a_real_run_repeats_to_the_last_bit_and_changed_data_is_noticed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [f"u{user},i{(user * 7 + step) % 13},{step}" for user in range(30) for step in range(8)]
    (tmp_path / "plays.csv").write_text("user,item,timestamp\n" + "\n".join(rows) + "\n")
    (tmp_path / "e.toml").write_text(EXPERIMENT)
    store = RunStore(tmp_path / "runs")
    run = ended_run(store, load_experiments(tmp_path / "e.toml").experiments[0])
    assert checked(store, run) == 0
    assert "identical" in capsys.readouterr().out
    wait_for_end(store.runs()[-1])
    (tmp_path / "plays.csv").write_text("user,item,timestamp\n" + "\n".join(rows[:-1]) + "\n")
    assert checked(store, run) == 1
    assert "the data has changed (data_fingerprint" in capsys.readouterr().out
    told = pasted(store, run, tmp_path / "pasted", capsys)
    assert told.config().model_dump() == run.config().model_dump()


class Pasted:
    """The experiments file that the script of --repro writes."""

    def __init__(self, path: Path) -> None:
        self._settings = tomli.loads(path.read_text())["experiments"]["tiny"]

    def config(self) -> Experiment:
        return Experiment.model_validate({"name": "tiny", **self._settings})


def pasted(store: RunStore, run: Run, folder: Path, capsys: pytest.CaptureFixture[str]) -> Pasted:
    """Run the script's lines up to the end of the file that it writes, without git and pip."""
    assert main(["show", run.run_id, "--repro", "--runs", str(store.root)]) == 0
    script = capsys.readouterr().out
    for fact in (
        "# data fingerprint  ",
        "# split fingerprint",
        "# threads per rank     1",
        "# seed                 0 (data 0)",
        "-m engine.train",
    ):
        assert fact in script
    assert "--run tiny.toml" in script
    kept = [line for line in script.splitlines() if not line.startswith(("git ", "pip ", "b4r-tui "))]
    folder.mkdir()
    subprocess.run(["sh", "-e", "-c", "\n".join(kept)], cwd=folder, check=True)
    return Pasted(folder / "tiny.toml")


def told(*losses: float) -> RunProgress:
    progress = RunProgress()
    for number, loss in enumerate(losses):
        event = Epoch(
            epoch=number, epochs=2, train_loss=loss, lr=0.1, seconds=loss, sequences_per_second=loss
        )
        progress.apply(Record(0.0, event, {}))
    return progress


def test_the_last_bit_counts_and_so_does_an_epoch_that_is_missing() -> None:
    assert check_rerun(told(1.0, 0.3), told(1.0, 0.3)).identical
    found = check_rerun(told(1.0, 0.3), told(1.0, 0.1 + 0.2)).differences
    assert [(each.epoch, each.metric) for each in found] == [(1, "train_loss")]
    assert check_rerun(told(1.0, 0.3), told(1.0)).differences[0].now is None
    assert not check_rerun(told(), told()).identical


def test_changes_of_surroundings_name_packages_and_what_is_missing() -> None:
    then = {"threads": 2, "host": "a", "packages": {"torch": "2", "numpy": "1"}}
    now = {"threads": 1, "host": "a", "packages": {"torch": "2"}}
    assert changes(then, now) == {"threads": (2, 1), "numpy": ("1", None)}
