"""Submits a run to TorchX and waits for its end: `python -m b4r_tui.runs.supervision.backends.torchx_program RUN_DIR`.

SIGTERM cancels the app. The output of the agents goes to standard output at the end, which is the launcher's log.
"""

from __future__ import annotations

import signal
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from b4r_tui.runs.records import note
from b4r_tui.runs.store import Run, run_at
from b4r_tui.runs.supervision.backends.agent import MARK
from b4r_tui.runs.supervision.backends.interface import grace_seconds, rendezvous_port
from engine.contract import run_folder
from engine.contract.config.clusters import TorchXConfig
from engine.contract.config.launch import LaunchConfig
from engine.contract.errors import ExitCode

if TYPE_CHECKING:
    from torchx.runner import Runner
    from torchx.specs import AppDef, AppState

PREFIX = "torchx:"
ROLE = "node"
_POLL_SECONDS = 0.5
_CANCEL_SECONDS = 60.0


def main() -> None:
    """Run the app to its end and exit with 0 if it succeeded."""
    run = run_at(Path(sys.argv[1]))
    try:
        from torchx.runner import get_runner
    except ImportError:
        _refuse("TorchX is not installed; pip install 'b4r-tui[torchx]'")
    with get_runner() as runner:
        code = _run(run, runner)
    sys.exit(code)


def app_of(run: Run, launch: LaunchConfig) -> AppDef:
    """Return the run as a TorchX app: one role, one agent per node."""
    from torchx.specs import AppDef, Resource, Role, macros, parse_mounts

    settings, port = launch.torchx or TorchXConfig(), rendezvous_port(launch, run.run_id)
    agent = [
        "-m",
        "b4r_tui.runs.supervision.backends.agent",
        str(run.dir),
        "--head-variable",
        macros.rank0_env,
    ]
    agent += ["--port", str(port), "--id", macros.app_id, "--grace", str(grace_seconds())]
    gpus = launch.gpu if isinstance(launch.gpu, int) else 0
    role = Role(
        name=ROLE,
        image=settings.image or "",
        entrypoint="python" if settings.image else sys.executable,
        args=agent,
        num_replicas=launch.nodes,
        min_replicas=launch.min_nodes if launch.min_nodes < launch.nodes else None,
        resource=Resource(cpu=settings.cpu, gpu=gpus, memMB=settings.memory_mb),
        port_map={"c10d": port},
        mounts=parse_mounts(settings.mounts),
    )
    return AppDef(name="b4r", roles=[role])


def _run(run: Run, runner: Runner) -> int:
    launch = run.config().launch
    scheduler = launch.scheduler.removeprefix(PREFIX)
    if scheduler not in runner.scheduler_backends():
        _refuse(
            f"'{scheduler}' is not a TorchX scheduler here; one of {', '.join(runner.scheduler_backends())}"
        )
    asked = threading.Event()
    try:
        handle = runner.run(app_of(run, launch), scheduler, _options(run, launch, runner, scheduler))
    except Exception as error:  # noqa: BLE001 (each scheduler has its own errors)
        _refuse(f"TorchX cannot submit the run to {scheduler}: {error}")
    for number in (signal.SIGTERM, signal.SIGINT):  # after TorchX, which sets its own
        signal.signal(number, lambda *_: asked.set())
    note(run.dir, job=PREFIX + handle)
    state = _wait(run, runner, handle, asked)
    _print_logs(runner, handle, launch.nodes)
    return 0 if state.name == "SUCCEEDED" else int(ExitCode.RUN_FAILED)


def _options(run: Run, launch: LaunchConfig, runner: Runner, scheduler: str) -> dict[str, Any]:
    """Return the options of the scheduler, with its folder of logs, if it has one, in the run folder."""
    settings = launch.torchx or TorchXConfig()
    known = dict(iter(runner.scheduler_run_opts(scheduler)))
    logs = {"log_dir": str(run.dir / run_folder.LOGS / "torchx")} if "log_dir" in known else {}
    return {**logs, **settings.options}


def _wait(run: Run, runner: Runner, handle: str, asked: threading.Event) -> AppState:
    """Wait until the app has ended, by itself or cancelled, and return its state."""
    from torchx.specs import AppState

    patience = _CANCEL_SECONDS / _POLL_SECONDS
    noted, cancelled = None, False
    while patience > 0:
        status = runner.status(handle)
        state = status.state if status else AppState.UNKNOWN
        if status is None or status.is_terminal():
            return state
        if state is not noted:
            note(run.dir, waits=None if state is AppState.RUNNING else f"TorchX app {handle} is {state.name}")
            noted = state
        if asked.is_set() and not cancelled:
            runner.cancel(handle)
            cancelled = True
        patience -= cancelled
        threading.Event().wait(_POLL_SECONDS) if cancelled else asked.wait(_POLL_SECONDS)
    return AppState.UNKNOWN


def _print_logs(runner: Runner, handle: str, nodes: int) -> None:
    for node in range(nodes):
        with suppress(Exception):  # some schedulers have none, and the ranks' logs are in the run folder
            for line in runner.log_lines(handle, ROLE, node):
                sys.stdout.write(line if line.endswith("\n") else line + "\n")


def _refuse(sentence: str) -> NoReturn:
    sys.stderr.write(f"{MARK}{' '.join(sentence.split())}\n")
    sys.exit(int(ExitCode.ENVIRONMENT))


if __name__ == "__main__":
    main()
