"""`--run`: runs go through, results and failures are told, an interrupt stops everything."""

from __future__ import annotations

import json
import os
import pty
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pyte
import pytest

from b4r_tui.commands.main import main
from b4r_tui.runs.processes import carriers
from b4r_tui.runs.state import RunState
from b4r_tui.runs.store import RunStore
from engine.contract.errors import ExitCode
from tests.b4r_tui.conftest import CRASHES, GOOD, SLEEPS, wait_until

Write = Callable[..., Path]
pytestmark = pytest.mark.usefixtures("fake_torchrun")
BETTER = 'os.environ["NDCG"] = "0.5"\n' + GOOD


def run(path: Path, store: RunStore, *options: str) -> int:
    return main(["--runs", str(store.root), "--run", str(path), *options])


def test_a_failing_run_hides_no_other_result(experiments_file: Write, store: RunStore, capsys) -> None:
    assert run(experiments_file(good=GOOD, bad=CRASHES, better=BETTER), store) == ExitCode.RUN_FAILED
    out = capsys.readouterr().out
    assert "good: epoch 2/2  loss 4.000  validation full recall@10 0.4000 ndcg@10 0.2000" in out
    board = out[
        out.index("Leaderboard: ndcg@10 on test, protocol full, data synthetic abcdef01") :
    ].splitlines()
    assert board[2].split()[:2] == ["1", "better"]
    assert board[3].split()[:2] == ["2", "good"]
    assert "0.1000 to 0.3000" in board[3]
    assert "failed: rank 0 ended with exit code 1: ValueError: this is broken" in board[4]
    assert [each.state.value for each in store.runs()] == ["finished", "failed", "finished"]


def test_json_is_events_then_one_summary(experiments_file: Write, store: RunStore, capsys) -> None:
    assert run(experiments_file(good=GOOD, other=GOOD), store, "--json", "--only", "good") == ExitCode.OK
    captured = capsys.readouterr()
    *events, summary = [json.loads(line) for line in captured.out.splitlines()]
    assert [event["type"] for event in events] == ["run_started", "epoch", "epoch", "test", "run_finished"]
    (made,) = store.runs()
    assert {(event["run_id"], event["experiment"]) for event in events} == {(made.run_id, "good")}
    assert summary["type"] == "summary"
    assert summary["runs"][0]["state"] == "finished"
    assert summary["leaderboard"][0]["rows"][0]["value"] == 0.2
    assert captured.err == ""


def test_nothing_starts_when_anything_is_wrong(experiments_file: Write, store: RunStore, capsys) -> None:
    path = experiments_file(good=GOOD)
    path.write_text(path.read_text() + "\n[experiments.bad]\nmodel.emb_dm = 3")
    assert run(path, store, "--only", "good") == ExitCode.BAD_INPUT
    assert not store.root.exists()


def test_seed_check_tells_equal_from_different(experiments_file: Write, store: RunStore, capsys) -> None:
    chancy = 'os.environ["NDCG"] = str(time.time() % 1)\n' + GOOD
    assert run(experiments_file(same=GOOD), store, "--seed-check") == ExitCode.OK
    assert "same: same seed, same 4 test numbers" in capsys.readouterr().out
    assert run(experiments_file(chancy=chancy), store, "--seed-check") == ExitCode.RUN_FAILED
    assert "chancy: same seed, 1 of 4 test numbers differ" in capsys.readouterr().out


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_stops_all_runs_and_says_which(
    experiments_file: Write, store: RunStore, number: signal.Signals
) -> None:
    process = started(experiments_file(first=SLEEPS, second=SLEEPS), store)
    wait_until(lambda: [each.state for each in store.runs()] == [RunState.RUNNING, RunState.QUEUED])
    process.send_signal(number)
    out, err = process.communicate(timeout=30)
    assert process.returncode == ExitCode.INTERRUPTED, (out, err)
    first, second = store.runs()
    assert (first.state, second.state) == (RunState.STOPPED, RunState.STOPPED)
    assert f"stopped 2 runs: first/{first.run_id}, second/{second.run_id}" in err
    assert not carriers(first.run_id)


def test_a_second_interrupt_does_not_wait(experiments_file: Write, store: RunStore, monkeypatch) -> None:
    monkeypatch.setenv("B4R_GRACE", "8")
    process = started(experiments_file(a="signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + SLEEPS), store)
    wait_until(lambda: store.runs() and store.runs()[0].events_path.exists())
    process.send_signal(signal.SIGINT)
    time.sleep(0.7)
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert time.monotonic() - began < 5
    assert process.returncode == ExitCode.INTERRUPTED
    assert "1 run asked to stop, still stopping" in err


def test_a_reader_that_goes_away_is_no_error(experiments_file: Write, store: RunStore) -> None:
    process = started(experiments_file(a=GOOD), store, "--json")
    assert process.stdout is not None
    process.stdout.close()
    assert process.wait(timeout=30) == 0
    assert process.stderr is not None
    assert process.stderr.read() == ""


@pytest.mark.parametrize("columns", [80, 140])
def test_the_live_table_fits_its_terminal(experiments_file: Write, store: RunStore, columns: int) -> None:
    path = experiments_file(**{"a-rather-long-name-of-an-experiment"[:26]: GOOD, "bad": CRASHES})
    screen = shown(path, store, columns)
    table = [line for line in screen if "a-rather" in line]
    assert any("2/2" in line and "finished" in line and "0.2000" in line for line in table), screen
    assert any("Metrics: validation, protocol full" in line for line in screen)
    assert any("Leaderboard: ndcg@10 on test" in line for line in screen)
    header = next(line for line in screen if "experiment" in line)
    assert ("seq/s" in header) == (columns == 140)
    assert "NDCG@10" in header


def started(path: Path, store: RunStore, *options: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "b4r_tui", "--runs", str(store.root), "--run", str(path), *options]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def shown(path: Path, store: RunStore, columns: int) -> list[str]:
    """The screen of a terminal after the program has ended in it."""
    screen = pyte.Screen(columns, 50)
    stream = pyte.ByteStream(screen)
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ.update(TERM="xterm-256color", COLUMNS=str(columns), LINES="50")
        os.execv(
            sys.executable, [sys.executable, "-m", "b4r_tui", "--runs", str(store.root), "--run", str(path)]
        )
    while data := read_some(terminal):
        stream.feed(data)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == ExitCode.RUN_FAILED
    os.close(terminal)
    return [line.rstrip() for line in screen.display]


def read_some(terminal: int) -> bytes:
    """What the program printed next; nothing once it has ended (or is silent for long)."""
    try:
        return os.read(terminal, 65536) if select.select([terminal], [], [], 30)[0] else b""
    except OSError:
        return b""
