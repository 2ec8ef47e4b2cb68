"""The agent supervises torchrun on one of several nodes: `python -m b4r_tui.runs.supervision.backends.agent RUN_DIR`.

ssh, Slurm and TorchX start it. It reads all it needs from the run folder, stops the ranks gracefully on SIGTERM, or at
the end of its standard input where that is its connection to the supervisor, and leaves no process behind.
"""

from __future__ import annotations

import argparse
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import uuid
from pathlib import Path

from b4r_tui.runs import processes
from b4r_tui.runs.store import Run, run_at
from b4r_tui.runs.supervision import torchrun
from b4r_tui.runs.supervision.backends.interface import POLL_SECONDS
from engine.contract import run_folder
from engine.contract.errors import B4RError, ExitCode

AGENT_VARIABLE = "B4R_AGENT_ID"  # distinguishes the processes of two agents on one machine
MARK = "b4r-tui: "  # starts the lines that the agent itself writes to the log
_SHARED_SECONDS = 5.0  # network file systems show a new folder with a delay


def main() -> None:
    """Run this node's torchrun to its end and exit with its code."""
    arguments = _arguments()
    os.umask(0o077)
    asked = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: asked.set())
    try:
        run = _shared_run(arguments.run_dir)
        code = _watch(run, _command(run, arguments), arguments, asked)
    except (B4RError, OSError) as error:
        sys.stderr.write(f"{MARK}{socket.gethostname()}: {error}\n")
        sys.exit(int(ExitCode.ENVIRONMENT))
    sys.exit(code if code >= 0 else 128 - code)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="b4r_tui.runs.supervision.backends.agent", description="One node of a run."
    )
    parser.add_argument("run_dir", type=Path)
    parser.add_argument("--head", help="host of the rendezvous")
    parser.add_argument("--head-variable", help="environment variable that names it; without one, this host")
    parser.add_argument("--first", action="store_true", help="the rendezvous is on this node")
    parser.add_argument("--port", type=int, required=True, help="port of the rendezvous")
    parser.add_argument("--id", required=True, help="what the nodes of one attempt share")
    parser.add_argument("--grace", type=float, required=True, help="seconds between SIGTERM and SIGKILL")
    parser.add_argument("--watch-stdin", action="store_true", help="stop when standard input ends")
    return parser.parse_args()


def _shared_run(folder: Path) -> Run:
    """Return the run. Raises B4RError if its folder does not exist on this node."""
    deadline = time.monotonic() + _SHARED_SECONDS
    while not (folder / run_folder.CONFIG).is_file():
        if time.monotonic() > deadline:
            raise B4RError(
                f"run folder {folder} not found on this node; put --runs on a file system that all nodes share"
            )
        time.sleep(POLL_SECONDS)
    return run_at(folder)


def _command(run: Run, arguments: argparse.Namespace) -> list[str]:
    launch = run.config().launch
    if launch.nodes == 1:
        return torchrun.command(run, launch)
    head = arguments.head or os.environ.get(arguments.head_variable or "") or "localhost"
    return torchrun.node_command(run, launch, f"{head}:{arguments.port}", arguments.id, _is_host(arguments))


def _is_host(arguments: argparse.Namespace) -> bool | None:
    """Return whether the rendezvous is on this node: ssh's agents know, Slurm numbers its nodes; None if unknown."""
    if arguments.watch_stdin:
        return bool(arguments.first)
    node = os.environ.get("SLURM_NODEID")
    return None if node is None else node == "0"


def _watch(run: Run, command: list[str], arguments: argparse.Namespace, asked: threading.Event) -> int:
    mine = uuid.uuid4().hex
    env = torchrun.environment(run, run.config().launch) | {AGENT_VARIABLE: mine}
    process = processes.start_process(command, env, run.dir, None)
    if arguments.watch_stdin:  # only now, because a process with threads may not fork
        threading.Thread(target=_wait_for_end_of_input, args=(asked,), daemon=True).start()
    while process.poll() is None:
        if asked.wait(POLL_SECONDS):
            processes.end(process, mine, arguments.grace, AGENT_VARIABLE)
    processes.sweep(mine, AGENT_VARIABLE)
    return _code(process)


def _wait_for_end_of_input(asked: threading.Event) -> None:
    while os.read(0, 4096):
        pass
    asked.set()


def _code(process: subprocess.Popen[bytes]) -> int:
    return int(process.returncode)


if __name__ == "__main__":
    main()
