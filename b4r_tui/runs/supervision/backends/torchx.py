"""The TorchX backend: any scheduler that TorchX knows (Kubernetes, clouds, its own local one), in a separate program.

TorchX replaces signal handlers, and its local scheduler lives in the submitting process, hence the program.
"""

from __future__ import annotations

import dataclasses
import os
import sys
from collections.abc import Callable

from b4r_tui.runs.processes import RUN_ID_VARIABLE
from b4r_tui.runs.store import Run
from b4r_tui.runs.supervision.backends.agent import MARK
from b4r_tui.runs.supervision.backends.hosts import last_line
from b4r_tui.runs.supervision.backends.interface import Ended
from b4r_tui.runs.supervision.backends.local import watch
from engine.contract.config.experiment import Experiment
from engine.contract.errors import ExitCode


class TorchX:
    """Submits the run as one TorchX app and waits for it; it is cancelled when this process ends."""

    def run(self, run: Run, experiment: Experiment, stop_asked: Callable[[], bool]) -> Ended:
        """Run the app to its end."""
        command = [sys.executable, "-m", "b4r_tui.runs.supervision.backends.torchx_program", str(run.dir)]
        env = {**os.environ, RUN_ID_VARIABLE: run.run_id, "PYTHONUNBUFFERED": "1"}
        ended = watch(run, command, env, experiment.launch.time_limit, stop_asked)
        if ended.code == ExitCode.ENVIRONMENT:
            return dataclasses.replace(ended, error=last_line(run, MARK) or None)
        return ended
