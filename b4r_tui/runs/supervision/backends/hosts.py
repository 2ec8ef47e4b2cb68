"""Runs on several hosts: ssh starts an agent on each, and they meet in torchrun's c10d rendezvous.

Each agent's standard input is its connection to this process: when it closes, because the run shall stop, this process
died or the network broke, the agent stops its ranks gracefully. So no remote process has to be killed.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from b4r_tui.runs import processes
from b4r_tui.runs.records import note
from b4r_tui.runs.store import Run
from b4r_tui.runs.supervision.backends.agent import MARK
from b4r_tui.runs.supervision.backends.interface import (
    POLL_SECONDS,
    Ended,
    grace_seconds,
    now,
    rendezvous_port,
)
from b4r_tui.runs.supervision.backends.local import wait
from engine.contract.config.experiment import Experiment
from engine.contract.config.launch import LaunchConfig
from engine.contract.errors import B4RError, ExitCode

SSH_FAILED = 255
SSH = (
    "ssh",
    "-T",
    "-o",
    "BatchMode=yes",
    "-o",
    "ServerAliveInterval=15",
    "-o",
    "ServerAliveCountMax=4",
    "--",
)
_ECHO_SECONDS = 15.0  # for the other agents to end and report once one has failed


@dataclass(frozen=True)
class Agent:
    """An agent on a host, as its ssh here."""

    host: str
    ssh: subprocess.Popen[bytes]


class Hosts:
    """Starts an agent on each of `launch.hosts` and waits for them."""

    def run(self, run: Run, experiment: Experiment, stop_asked: Callable[[], bool]) -> Ended:
        """Run on the hosts. An elastic run continues while its minimum number of hosts is alive."""
        launch = experiment.launch
        note(run.dir, started_at=now(), argv=tuple(ssh_command(run, launch, (launch.hosts or [""])[0])))
        agents: list[Agent] = []
        try:
            agents.extend(
                _start_agent(run, launch, host) for host in launch.hosts or []
            )  # keeps those before a failure
            needed = launch.min_nodes
            cut_short = wait(lambda: _is_over(agents, needed), launch.time_limit, stop_asked)
            first = _first_end(run, agents, needed)
            if not cut_short and launch.min_nodes == launch.nodes:
                _wait_for_all(agents, _ECHO_SECONDS)
        finally:
            end_all(agents)
            processes.sweep(run.run_id)
        if cut_short:
            codes = [agent.ssh.returncode for agent in agents]
            return Ended(int(any(codes)), cut_short)
        return first


def ssh_command(run: Run, launch: LaunchConfig, host: str) -> list[str]:
    """Return the command line that starts the agent of a host, each argument quoted for the remote shell."""
    first = (launch.hosts or [""])[0]
    agent = [
        sys.executable,
        "-m",
        "b4r_tui.runs.supervision.backends.agent",
        str(run.dir),
        "--head",
        first.rpartition("@")[2],
    ]
    agent += ["--port", str(rendezvous_port(launch, run.run_id)), "--id", _attempt(run)]
    agent += ["--grace", str(grace_seconds()), "--watch-stdin"]
    agent += ["--first"] if host == first else []
    path = os.environ.get("PYTHONPATH")
    return [*SSH, host, shlex.join([*(["env", f"PYTHONPATH={path}"] if path else []), *agent])]


def verdict(codes: Sequence[int | None], needed: int) -> int | None:
    """Return the exit code of the agents together, None while undecided. codes: of each, None while it is alive.

    The run is over when fewer than `needed` agents are alive or successful, or none is alive; it succeeded if one agent
    did and no more failed than may, because an agent only succeeds when all ranks have.
    """
    failed = [code for code in codes if code]
    if len(codes) - len(failed) < needed:
        return failed[0]
    if None in codes:
        return None
    return 0 if 0 in codes else failed[0]


def end_all(agents: Sequence[Agent]) -> None:
    """Ask all agents to end and wait for them; the ssh of an agent that does not end is killed."""
    for agent in agents:
        with suppress(OSError):
            agent.ssh.stdin.close()  # type: ignore[union-attr]
    _wait_for_all(agents, grace_seconds() + _ECHO_SECONDS)
    for agent in agents:
        if agent.ssh.poll() is None:
            agent.ssh.kill()
        agent.ssh.wait()


def _start_agent(run: Run, launch: LaunchConfig, host: str) -> Agent:
    env = {**os.environ, processes.RUN_ID_VARIABLE: run.run_id}
    with run.log_path().open("ab") as log:
        try:
            ssh = subprocess.Popen(
                ssh_command(run, launch, host), stdin=subprocess.PIPE, stdout=log, stderr=log, env=env
            )
        except OSError as error:
            raise B4RError(f"cannot start ssh: {error.strerror or error}", ExitCode.ENVIRONMENT) from error
    return Agent(host, ssh)


def _attempt(run: Run) -> str:
    """Return an id that the nodes of this attempt share and no other attempt has."""
    status = run.status()
    return f"{run.run_id}-{int(status.queued_at) if status else 0}"


def _is_over(agents: Sequence[Agent], needed: int) -> bool:
    time.sleep(POLL_SECONDS)
    return verdict([agent.ssh.poll() for agent in agents], needed) is not None


def _wait_for_all(agents: Sequence[Agent], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while any(agent.ssh.poll() is None for agent in agents) and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)


def _first_end(run: Run, agents: Sequence[Agent], needed: int) -> Ended:
    """Return how the run ended, by the first agent that failed: the others fail after it, or are stopped."""
    code = verdict([agent.ssh.poll() for agent in agents], needed) or 0
    if code == SSH_FAILED:
        host = next(agent.host for agent in agents if agent.ssh.poll() == SSH_FAILED)
        return Ended(code, error=f"ssh to {host} failed: {last_line(run) or 'no output'}")
    return Ended(code, error=last_line(run, MARK) or None if code == ExitCode.ENVIRONMENT else None)


def last_line(run: Run, start: str = "") -> str:
    """Return the last line of the launcher's log that begins with `start`, without that prefix."""
    lines = run.log_path().read_text(errors="replace").splitlines()
    matching = [line.strip() for line in lines if line.strip() and line.startswith(start)]
    return matching[-1].removeprefix(start) if matching else ""
