"""What `scontrol` prints becomes a job, its reason in words, and how it ended; and what a batch script holds."""

from __future__ import annotations

from pathlib import Path

import pytest

from b4r_tui.runs.records import STOPPED, TIME_LIMIT
from b4r_tui.runs.store import Run
from b4r_tui.runs.supervision.backends.interface import Ended
from b4r_tui.runs.supervision.backends.slurm_job import Job, command, ended, parse_job
from b4r_tui.runs.supervision.backends.slurm_script import script
from engine.contract.errors import B4RError, ExitCode
from tests.b4r_tui.runs.supervision.backends.conftest import cluster_experiment

LINE = (
    "JobId=17 JobName=b4r-tiny UserId=me(1) Priority=42 Nice=0 JobState={state} Reason={reason} Dependency=(null) "
    "Requeue=1 Restarts=2 BatchFlag=1 Reboot=0 ExitCode={code} RunTime=00:00:05 TimeLimit=UNLIMITED "
    "WorkDir=/home/me/JobState=x StdOut=/home/me/logs/launcher.log"
)


@pytest.mark.parametrize(
    ("state", "reason", "waits"),
    [
        ("PENDING", "Priority", "Slurm job 17 waits: Priority (jobs of higher priority go first)"),
        (
            "PENDING",
            "QOSMaxJobsPerUserLimit",
            "Slurm job 17 waits: QOSMaxJobsPerUserLimit (a limit is reached)",
        ),
        ("PENDING", "None", "Slurm job 17 waits: PENDING"),
        ("SUSPENDED", "None", "Slurm job 17 waits: SUSPENDED"),
        ("PENDING", "Unheard_of", "Slurm job 17 waits: Unheard_of"),
        ("RUNNING", "None", None),
        ("COMPLETED", "None", None),
    ],
)
def test_what_a_job_waits_for(state: str, reason: str, waits: str | None) -> None:
    job = parse_job(LINE.format(state=state, reason=reason, code="0:0"))
    assert (job.id, job.restarts, job.state, job.waits_for) == ("17", 2, state, waits)


@pytest.mark.parametrize(
    ("state", "code", "expected"),
    [
        ("COMPLETED", "0:0", Ended(0)),
        ("FAILED", "1:0", Ended(1)),
        ("FAILED", "0:9", Ended(-9)),
        ("CANCELLED", "0:15", Ended(-15, STOPPED)),
        ("TIMEOUT", "0:15", Ended(-15, TIME_LIMIT, "Slurm ended job 17 at its time limit")),
        ("NODE_FAIL", "0:0", Ended(1, error="Slurm ended job 17 (NODE_FAIL): a node failed")),
    ],
)
def test_how_a_job_ended(state: str, code: str, expected: Ended) -> None:
    job = parse_job(LINE.format(state=state, reason="None", code=code))
    assert job.over
    assert ended(job) == expected


@pytest.mark.parametrize("state", ["OUT_OF_MEMORY", "PREEMPTED", "BOOT_FAIL"])
def test_an_end_that_logs_do_not_explain_is_reported(state: str) -> None:
    assert f"({state})" in str(ended(Job("17", state)).error)


def test_a_completing_job_is_not_over() -> None:
    assert not Job("17", "COMPLETING").over


def test_the_batch_script_holds_what_the_settings_ask_for() -> None:
    launch = cluster_experiment(
        j="1:2x2",
        scheduler="slurm",
        gpu=2,
        time_limit=1.5,
        slurm={"partition": "a,b", "mem": "4G", "modules": ["cuda/12"], "extra": ["--nice=5"]},
    ).launch
    run = Run(Path("/runs/it's $HOME/20260101-000000-abcd"), "tiny", "20260101-000000-abcd")
    lines = script(run, launch).splitlines()
    flags = [line.removeprefix("#SBATCH ") for line in lines if line.startswith("#SBATCH")]
    assert {"--nodes=1-2", "--partition=a,b", "--mem=4G", "--gres=gpu:2", "--time=3", "--nice=5"} <= set(
        flags
    )
    assert {"--requeue", "--signal=TERM@60", "--no-kill", "--cpus-per-task=2"} <= set(flags)
    assert "module load cuda/12" in lines
    assert "--kill-on-bad-exit=0 --no-kill " in lines[-2], "a lost node ends neither job nor step"
    assert "'/runs/it'\"'\"'s $HOME/20260101-000000-abcd'" in lines[-1]


def test_a_machine_without_slurm_is_an_environment_error(monkeypatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(B4RError, match="sbatch not found") as caught:
        command("sbatch")
    assert caught.value.code is ExitCode.ENVIRONMENT
