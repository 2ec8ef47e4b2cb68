"""Two torchrun agents that meet by rendezvous, started through an ssh that stays on this machine."""

from __future__ import annotations

import os
import shlex
import signal
import socket
from pathlib import Path

import psutil
import pytest

from b4r_tui.runs.launch import launch, stop
from b4r_tui.runs.processes import carriers
from b4r_tui.runs.state import RunState
from b4r_tui.runs.store import Run, RunStore
from b4r_tui.runs.supervision.backends.agent import AGENT_VARIABLE
from b4r_tui.runs.supervision.backends.hosts import ssh_command, verdict
from engine.contract.events import Progress, RunResumed, RunStarted, read_events
from tests.b4r_tui.conftest import wait_until
from tests.b4r_tui.runs.supervision.backends.conftest import cluster_experiment, losses
from tests.engine.conftest import Train, train

__all__ = ["train"]
SECONDS = 120.0
HOSTS = ["localhost", socket.gethostname()]


def events_of(run: Run, kind: type) -> list:
    return [record.event for record in read_events(run.events_path) if isinstance(record.event, kind)]


def finished(run: Run) -> None:
    wait_until(lambda: run.state.ended, SECONDS)
    assert run.state is RunState.FINISHED, (run.exit(), run.log_path().read_text())


def agents_of(run: Run) -> dict[str, list[psutil.Process]]:
    """Processes of each agent, by its id."""
    found: dict[str, list[psutil.Process]] = {}
    for process in carriers(run.run_id):
        found.setdefault(process.environ().get(AGENT_VARIABLE, ""), []).append(process)
    found.pop("", None)
    return found


@pytest.mark.torchrun
def test_two_nodes_of_one_rank_give_the_losses_of_one_node_of_two(
    root: RunStore, fake_ssh: None, train: Train
) -> None:
    (run,) = launch(root, [cluster_experiment(j="2x1", hosts=HOSTS)])
    alone = train(cluster_experiment(j="1x2"), 2)
    finished(run)
    assert losses(run.events_path) == losses(alone / "events.jsonl")
    assert len(losses(run.events_path)) == 2
    assert events_of(run, RunStarted)[0].world_size == 2
    assert [path.name for path in run.log_paths()] == ["launcher.log", "rank_0.log", "rank_1.log"]
    assert not carriers(run.run_id)


@pytest.mark.torchrun
@pytest.mark.long
def test_a_lost_node_of_an_elastic_run_is_done_without(root: RunStore, fake_ssh: None, train: Train) -> None:
    (run,) = launch(root, [cluster_experiment(2, 6, j="1:2x1", hosts=HOSTS)])
    wait_until(lambda: (run.dir / "checkpoints" / "last" / "state.json").exists(), SECONDS)
    assert events_of(run, RunStarted)[0].world_size == 2
    (lost,) = [
        processes
        for processes in agents_of(run).values()
        if any("is_host=0" in word for process in processes for word in process.cmdline())
    ]
    for process in lost:
        process.kill()
    finished(run)
    (resumed, *_) = events_of(run, RunResumed)
    assert resumed.world_size == 1
    assert (resumed.epoch, resumed.step) != (0, 0), "from the last checkpoint, not from the start"
    undisturbed = train(cluster_experiment(2, 6, j="1x2"), 2)
    assert losses(run.events_path) == pytest.approx(losses(undisturbed / "events.jsonl"), abs=1e-4)
    assert not carriers(run.run_id)


@pytest.mark.torchrun
def test_stop_reaches_the_ranks_of_all_hosts_which_save(root: RunStore, fake_ssh: None) -> None:
    (run,) = launch(root, [cluster_experiment(50, 24, j="2x1", hosts=HOSTS)])
    wait_until(lambda: any(event.phase == "train" for event in events_of(run, Progress)), SECONDS)
    stop(run, wait=60)
    assert run.state is RunState.STOPPED
    assert (run.dir / "checkpoints" / "last" / "state.json").exists()
    assert "stopped on request" in run.log_path(1).read_text()
    assert not carriers(run.run_id)


@pytest.mark.torchrun
def test_a_killed_supervisor_takes_the_ranks_on_all_hosts_along(root: RunStore, fake_ssh: None) -> None:
    (run,) = launch(root, [cluster_experiment(50, 24, j="2x1", hosts=HOSTS)])
    wait_until(lambda: run.log_path(1).exists(), SECONDS)
    status = run.status()
    assert status is not None and status.supervisor_pid is not None
    os.kill(status.supervisor_pid, signal.SIGKILL)
    wait_until(lambda: not carriers(run.run_id), 60)
    assert run.state is RunState.LOST


def test_a_host_that_cannot_be_reached_is_named(root: RunStore, fake_ssh: None) -> None:
    (run,) = launch(root, [cluster_experiment(j="2x1", hosts=["localhost", "unreachable"])])
    wait_until(lambda: run.state.ended, 60)
    ended = run.exit()
    assert ended is not None and run.state is RunState.FAILED
    expected = "ssh to unreachable failed: ssh: connect to host unreachable: No route to host"
    assert ended.error == expected
    assert not carriers(run.run_id)


def test_the_far_shell_sees_one_word_for_each_argument(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("PYTHONPATH", "/a b/$(touch x)")
    run = Run(tmp_path / "it's; rm -rf $HOME", "tiny", "20260101-000000-abcd")
    command = ssh_command(run, cluster_experiment(j="2x1", hosts=["me@a", "b"]).launch, "b")
    assert command[-3:-1] == ["--", "b"]
    words = shlex.split(command[-1])
    assert words[:2] == ["env", "PYTHONPATH=/a b/$(touch x)"]
    assert str(run.dir) in words
    assert words[words.index("--head") + 1] == "a", "the rendezvous is a host, whoever logs in there"


@pytest.mark.parametrize(
    ("codes", "needed", "expected"),
    [
        ([None, None], 2, None),
        ([None, 1], 2, 1),
        ([None, 1], 1, None),
        ([0, None], 2, None),
        ([0, 0], 2, 0),
        ([0, 255], 1, 0),
        ([1, 255], 1, 1),
        ([0, 1], 2, 1),
    ],
)
def test_the_end_of_all_agents(codes: list[int | None], needed: int, expected: int | None) -> None:
    assert verdict(codes, needed) == expected
