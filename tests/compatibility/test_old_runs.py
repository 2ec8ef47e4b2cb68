"""Run folders, queue and experiments file of the previous version stay usable."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from b4r_tui.commands.main import main
from b4r_tui.experiments.load import load_experiments
from b4r_tui.results.rerun_check import check_rerun
from b4r_tui.runs.progress import RunProgress, RunWatch
from b4r_tui.runs.resume import resume
from b4r_tui.runs.retry import failed_runs, retry
from b4r_tui.runs.state import RunState
from b4r_tui.runs.store import Run, RunStore
from tests.compatibility.conftest import FIXTURES, supervise_as_before

STATES = {
    "failed": "failed",
    "finished": "finished",
    "queued": "queued",
    "sharded": "finished",
    "slurm": "queued",
    "stopped": "stopped",
}


def output(capsys: pytest.CaptureFixture[str], store: RunStore, *arguments: str) -> Any:
    """What a command prints as JSON."""
    capsys.readouterr()
    assert main([*arguments, "--json", "--runs", str(store.root)]) == 0
    return json.loads(capsys.readouterr().out)


def progress(run: Run) -> RunProgress:
    """All that a run has reported."""
    watch = RunWatch(run)
    watch.poll()
    return watch.progress


def test_the_fixture_is_small_and_of_no_machine() -> None:
    files = [path for path in FIXTURES.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 300_000
    for path in files:
        assert b"/tmp/" not in path.read_bytes() and b"/home/" not in path.read_bytes(), path


def test_runs_are_listed_and_shown_in_their_states(old: RunStore, capsys) -> None:
    listed = output(capsys, old, "runs")
    assert {run["experiment"]: run["state"] for run in listed} == STATES
    for name, state in STATES.items():
        assert output(capsys, old, "show", name)["summary"]["state"] == state


def test_a_crash_card_is_read(old: RunStore, capsys) -> None:
    card = output(capsys, old, "show", "failed")["card"]
    assert card["cause"] == "loss_no_number"
    assert card["steps"]


def test_runs_are_compared(old: RunStore, capsys) -> None:
    assert main(["compare", "finished", "sharded", "--runs", str(old.root)]) == 0
    assert "ndcg@10" in capsys.readouterr().out.lower()


def test_the_queue_keeps_its_order_and_settings(old: RunStore, capsys) -> None:
    queue = output(capsys, old, "queue")
    assert (queue["paused"], queue["runs"][0]["experiment"], queue["runs"][0]["priority"]) == (
        True,
        "queued",
        2,
    )
    settings = json.loads((old.root / ".queue" / "settings.json").read_text())
    assert settings["runs"] == 2


def test_the_experiments_file_loads(old: RunStore) -> None:
    here = [name for name in STATES if name != "slurm"]  # this machine may have no Slurm
    experiments = load_experiments(old.root.parent / "experiments.toml", here).experiments
    assert {each.name for each in experiments} == set(here)


def test_a_failed_run_is_retried_and_runs_are_deleted(old: RunStore) -> None:
    (failed,) = failed_runs(old)
    (again,) = retry(old, [failed], True)
    assert (again.state, again.experiment) == (RunState.QUEUED, "failed")
    for name in STATES:
        for run in old.runs_of(name):
            if run.status() is not None and run.status().job is None:  # type: ignore[union-attr]  # just asked
                assert main(["delete", run.run_id, "--runs", str(old.root)]) == 0
                assert not run.dir.exists()


@pytest.mark.torchrun
def test_a_stopped_run_resumes_to_the_losses_of_an_uninterrupted_one(old: RunStore) -> None:
    run, whole = old.find("stopped"), old.find("finished")
    resume(run)
    supervise_as_before(run)
    assert run.state is RunState.FINISHED
    result = check_rerun(progress(whole), progress(run))
    assert result.identical, [each.sentence for each in result.differences]


@pytest.mark.torchrun
def test_a_queued_run_is_finished_by_the_old_command_line(old: RunStore) -> None:
    run = old.find("queued")
    supervise_as_before(run)
    assert run.state is RunState.FINISHED
    assert progress(run).test is not None


@pytest.mark.torchrun
def test_an_old_batch_script_runs_its_agent(old: RunStore, tmp_path: Path) -> None:
    """srun's stand-in drops its own flags and runs the rest here, as srun does on a node."""
    srun = tmp_path / "srun"
    srun.write_text('#!/bin/sh\nwhile [ "${1#--}" != "$1" ]; do shift; done\nexec "$@"\n')
    srun.chmod(0o755)
    run = old.find("slurm")
    run.log_path().parent.mkdir(exist_ok=True)
    env = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", "SLURM_JOB_ID": "17"}
    assert "-m b4r_tui.runs.backends.agent" in (run.dir / "slurm.sh").read_text()
    subprocess.run(["bash", "slurm.sh"], cwd=run.dir, env=env, check=True, timeout=300)
    assert progress(run).phase == "finished"


@pytest.mark.torchrun
@pytest.mark.parametrize("name", ["finished", "sharded"])
def test_an_old_checkpoint_is_evaluated_to_the_same_metrics(old: RunStore, capsys, name: str) -> None:
    run = old.find(name)
    before = progress(run).test
    result = output(capsys, old, "evaluate", name)
    assert before is not None
    assert result["metrics"] == before.metrics


@pytest.mark.torchrun
def test_an_old_model_recommends_the_same_items_and_is_exported(old: RunStore, capsys) -> None:
    run = old.find("finished")
    saved = json.loads((FIXTURES / "recommended.json").read_text())
    assert output(capsys, old, "recommend", "finished", "--user", "1", "2", "-k", "3") == saved
    assert main(["export-model", "finished", "--runs", str(old.root)]) == 0
    assert list((run.dir / "exports").glob("*.pth"))
