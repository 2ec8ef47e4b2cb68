"""The command line: what it accepts, what it prints, what it returns to the shell."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from b4r_tui import __version__
from b4r_tui.commands.main import main
from b4r_tui.runs.launch import launch
from b4r_tui.runs.state import RunState
from b4r_tui.runs.store import Run, RunStore
from engine.contract.config.experiment import Experiment
from engine.contract.errors import ExitCode
from tests.b4r_tui.conftest import CRASHES, GOOD, SLEEPS, wait_for_end, wait_until

Scripted = Callable[..., Experiment]


def usage_code(*argv: str) -> int:
    with pytest.raises(SystemExit) as caught:
        main(list(argv))
    return int(str(caught.value.code))


@pytest.fixture
def finished(store: RunStore, scripted: Scripted, fake_torchrun: None) -> Run:
    (run,) = launch(store, [scripted(GOOD, j="1x2")])
    wait_for_end(run)
    return run


def test_help_comes_at_once() -> None:
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "b4r_tui", "--help"], capture_output=True, text=True, check=True
    )
    assert time.perf_counter() - began < 1.5  # 0.1 s on an idle machine
    assert "exit codes: 0 ok, 1 a run failed" in done.stdout


def test_version(capsys) -> None:
    assert usage_code("--version") == 0
    assert capsys.readouterr().out == f"b4r-tui {__version__}\n"


@pytest.mark.parametrize(
    "argv",
    [
        ["--run"],
        ["--run", "a", "--tail", "b"],
        ["--run", "a", "runs"],
        ["--run", "a", "-f", "b"],
        ["--rank", "1"],
        ["--tail", "a", "--rank", "-1"],
        ["--tail", "a", "--grep", "("],
        ["--tail", "a", "--lines", "many"],
        ["--json"],
        ["--only", "a"],
        ["--seed-check", "--tail", "a"],
        ["launch"],
        ["runs", "--state", "odd"],
        ["unknown"],
        ["--unknown"],
    ],
)
def test_wrong_usage_is_reported_and_exits_2(argv: list[str], capsys) -> None:
    assert usage_code(*argv) == ExitCode.BAD_INPUT
    assert "b4r-tui: error: " in capsys.readouterr().err.replace("b4r-tui runs", "b4r-tui").replace(
        "b4r-tui launch", "b4r-tui"
    )


def test_json_and_only_go_with_the_commands_that_declare_them(capsys) -> None:
    usage_code("--json", "stop", "a")
    assert "--json goes with --run, runs, show, queue, evaluate, fairness, " in capsys.readouterr().err
    usage_code("--only=a", "runs")
    assert "--only goes with --run, launch, retry and export" in capsys.readouterr().err


def test_the_app_asks_for_a_terminal(capsys) -> None:
    assert main([]) == ExitCode.BAD_INPUT
    assert "not a terminal: the app needs one" in capsys.readouterr().err


def test_runs_lists_what_there_is(finished: Run, store: RunStore, capsys) -> None:
    assert main(["runs", "--runs", str(store.root)]) == ExitCode.OK
    header, line = capsys.readouterr().out.splitlines()
    assert header.split()[:3] == ["run", "experiment", "state"]
    assert line.split()[:7] == [finished.run_id, "tiny", "finished", "ddp", "x2", "2/2", "ndcg@10"]
    assert main(["--runs", str(store.root), "runs", "--json", "--state", "finished"]) == ExitCode.OK
    (listed,) = json.loads(capsys.readouterr().out)
    assert listed["run_id"] == finished.run_id
    assert (listed["split"], listed["fingerprint"]) == ("leave-two-out", "abcdef0123456789")
    assert main(["--runs", str(store.root), "runs", "--state", "failed"]) == ExitCode.OK
    assert capsys.readouterr().out == f"no failed runs in {store.root}\n"


def test_show_prints_full_details_of_a_run(finished: Run, store: RunStore, capsys) -> None:
    assert main(["--runs", str(store.root), "show", "tiny"]) == ExitCode.OK
    out = capsys.readouterr().out
    assert f"run          tiny/{finished.run_id}\nstate        finished\n" in out
    assert "full      ndcg@10  0.2000  0.1000 to 0.3000      0.1000     10" in out
    assert "split        leave-two-out abcdef0123456789\n" in out
    assert "min_rating            50   -1,010     10       -1      5" in out
    assert "Plan: rank 0 0.8 kB, rank 1 0.8 kB\n" in out
    assert "item   row_wise  fused      1   3–5     0–63   0.8 kB     0.0 kB\n" in out
    assert 'j = "1x2"' in out
    assert main(["--runs", str(store.root), "show", finished.run_id, "--json"]) == ExitCode.OK
    whole = json.loads(capsys.readouterr().out)
    assert whole["config"]["launch"]["j"] == "1x2"
    assert whole["dataset"]["funnel"][1]["interactions"] == 50
    assert whole["plan"][0]["shards"][1]["rows"] == [3, 6]
    assert whole["exit"]["reason"] == "finished"
    assert [epoch["epoch"] for epoch in whole["history"]] == [0, 1]


def test_show_of_no_run_is_bad_input(store: RunStore, capsys) -> None:
    assert main(["--runs", str(store.root), "show", "none"]) == ExitCode.BAD_INPUT
    assert capsys.readouterr().err.startswith("b4r-tui: no run 'none'")


def test_launch_leaves_runs_behind_that_stop_ends(
    experiments_file: Callable[..., Path], store: RunStore, fake_torchrun: None, capsys
) -> None:
    root = ["--runs", str(store.root)]
    assert main([*root, "launch", str(experiments_file(a=SLEEPS, b=GOOD)), "--only", "a"]) == ExitCode.OK
    (run,) = store.runs()
    assert capsys.readouterr().out == f"{run.run_id}  a\n"
    wait_until(lambda: run.state is RunState.RUNNING)
    assert main([*root, "stop", "a"]) == ExitCode.OK
    assert capsys.readouterr().out == f"a/{run.run_id}: stopped\n"
    assert main([*root, "stop", "a"]) == ExitCode.OK
    assert "had already ended: stopped" in capsys.readouterr().out


def test_tail_shows_all_sources_of_a_run(
    store: RunStore, scripted: Scripted, fake_torchrun: None, capsys
) -> None:
    launch(store, [scripted(CRASHES)])
    assert main(["--runs", str(store.root), "--tail", "tiny"]) == ExitCode.OK, "it ends with the run"
    lines = capsys.readouterr().out.splitlines()
    assert "rank 0   │ about to break" in lines
    assert "launcher │ ValueError: this is broken" in lines
    assert any(line.startswith("events   │ ") and "started: ddp on cpu, 1 rank" in line for line in lines)
    assert any("failed: rank 0 ended with exit code 1: ValueError: this is broken" in line for line in lines)


def test_tail_of_one_rank_is_its_log_alone(finished: Run, store: RunStore, capsys) -> None:
    finished.log_path(1).write_text("".join(f"line {number}\n" for number in range(30)))
    root = ["--runs", str(store.root), "--tail", "tiny", "--no-follow"]
    assert main([*root, "--rank", "1", "--lines", "2"]) == ExitCode.OK
    assert capsys.readouterr().out == "line 28\nline 29\n"
    assert main([*root, "--rank", "1", "--grep", "[12]8$"]) == ExitCode.OK
    assert capsys.readouterr().out == "line 18\nline 28\n"
    assert main([*root, "--rank", "7"]) == ExitCode.BAD_INPUT
    assert "has no rank 7; it has ranks 0 to 1" in capsys.readouterr().err


def test_output_in_an_ascii_terminal_does_not_break(finished: Run, store: RunStore) -> None:
    command = [sys.executable, "-m", "b4r_tui", "--runs", str(store.root), "--tail", "tiny", "--no-follow"]
    done = subprocess.run(command, capture_output=True, env={"PYTHONIOENCODING": "ascii"}, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
