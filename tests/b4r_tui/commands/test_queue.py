"""`queue`, `retry`, `delete` and `launch --after` as people type them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from b4r_tui.commands.main import main
from b4r_tui.runs.queue.reorder import set_paused
from b4r_tui.runs.records import ExitRecord, write_exit
from b4r_tui.runs.state import RunState
from b4r_tui.runs.store import RunStore
from tests.b4r_tui.conftest import GOOD, wait_until

Write = Callable[..., Path]
pytestmark = pytest.mark.usefixtures("fake_torchrun")


def say(store: RunStore, *words: str) -> int:
    return main([words[0], "--runs", str(store.root), *words[1:]])


def test_the_queue_is_shown_and_reordered(experiments_file: Write, store: RunStore, capsys) -> None:
    path = str(experiments_file(a=GOOD, b=GOOD, c=GOOD))
    set_paused(store, [], True)
    assert say(store, "launch", path, "--only", "a", "b") == 0
    assert say(store, "launch", path, "--only", "c", "--after", "a", "--priority", "2") == 0
    a, b, c = store.runs()
    assert say(store, "queue", "move", "b", "before", "a") == 0
    assert say(store, "queue", "limit", "--cpus", "1", "--at-once", "3") == 0
    capsys.readouterr()
    assert say(store, "queue", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert [(run["run_id"], run["place"]) for run in told["runs"]] == [
        (c.run_id, 1),
        (b.run_id, 2),
        (a.run_id, 3),
    ]
    assert (told["paused"], told["cpus"], told["slots"]["cpus"], told["runs"][0]["priority"]) == (
        True,
        1,
        1,
        2.0,
    )
    assert say(store, "show", "a") == 0
    assert "waits        the queue is paused" in capsys.readouterr().out
    assert say(store, "queue", "resume") == 0
    wait_until(lambda: c.state is RunState.FINISHED, 60)
    assert say(store, "queue") == 0
    out = capsys.readouterr().out
    assert "0 running, 0 queued" in out and "at most 3 runs at once" in out


def test_wrong_combinations_are_reported(experiments_file: Write, store: RunStore, capsys) -> None:
    set_paused(store, [], True)
    assert say(store, "launch", str(experiments_file(a=GOOD))) == 0
    for words, sentence in (
        (("retry",), "retry takes"),
        (("retry", "a"), "is queued; only failed, stopped or lost"),
        (("queue", "move", "a", "before"), "queue move takes"),
        (("queue", "move", "a", "after", "b"), "no run 'b'"),
    ):
        assert say(store, *words) == 2
        assert sentence in capsys.readouterr().err


def test_failed_runs_are_retried_and_ended_ones_deleted(
    experiments_file: Write, store: RunStore, capsys
) -> None:
    set_paused(store, [], True)
    assert say(store, "launch", str(experiments_file(a=GOOD, b=GOOD))) == 0
    a, b = store.runs()
    for run in (a, b):
        write_exit(run.dir, ExitRecord(reason="failed", ended_at=1.0))
    capsys.readouterr()
    assert say(store, "retry", "--failed", "--only", "a") == 0
    assert capsys.readouterr().out == f"{a.run_id}  a\n"
    assert (a.state, b.state) == (RunState.QUEUED, RunState.FAILED)
    assert say(store, "delete", "a", "b") == 0
    assert store.runs() == []
    assert say(store, "retry", "--failed") == 0
    assert "no failed runs" in capsys.readouterr().out


def test_names_of_the_previous_release_are_accepted_and_not_shown(
    experiments_file: Write, store: RunStore, capsys
) -> None:
    assert say(store, "queue", "limit", "--at-once", "none") == 0
    assert capsys.readouterr().out == "all CPU threads, unlimited runs here, 16 runs elsewhere\n"
    set_paused(store, [], True)
    assert say(store, "launch", str(experiments_file(a=GOOD))) == 0
    write_exit(store.runs()[0].dir, ExitRecord(reason="failed", ended_at=1.0))
    assert say(store, "retry", "a", "--anew") == 0
    assert len(store.runs()) == 2
    assert say(store, "queue", "go") == 0
    capsys.readouterr()
    for words, old in (("queue", "go"), ("retry", "--anew")):
        with pytest.raises(SystemExit):
            say(store, words, "--help")
        assert old not in capsys.readouterr().out.split()
