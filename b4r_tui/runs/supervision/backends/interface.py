"""The interface of backends, and what they share: grace period, port, clock."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from b4r_tui.runs.store import Run
from engine.contract.config.experiment import Experiment
from engine.contract.config.launch import LaunchConfig

GRACE_SECONDS = 30.0  # the ranks end their step and write a checkpoint; torchrun itself waits as long
POLL_SECONDS = 0.1


@dataclass(frozen=True)
class Ended:
    """How a run's processes ended.

    code: exit code of the ranks' launcher, negative for a signal. cut_short: STOPPED or TIME_LIMIT if they were ended
    early. error: a sentence, where the backend knows more than the logs.
    """

    code: int
    cut_short: str | None = None
    error: str | None = None


class Backend(Protocol):
    """Starts the processes of a run and waits for them to end."""

    def run(self, run: Run, experiment: Experiment, stop_asked: Callable[[], bool]) -> Ended:
        """Run the run's processes to their end; stop them gracefully once `stop_asked`.

        Notes in the run's status when they start, and what they wait for. Raises B4RError if they can't be started.
        """


def grace_seconds() -> float:
    """Return the grace period in seconds between a request to stop and a kill."""
    return float(os.environ.get("B4R_GRACE", GRACE_SECONDS))


def rendezvous_port(launch: LaunchConfig, run_id: str) -> int:
    """Return the port of the rendezvous: launch.rdzv_port, or one from 20000 to 29999 derived from the run's id."""
    return launch.rdzv_port or 20000 + int(run_id[-4:].encode().hex(), 16) % 10000


def now() -> float:
    """Return the time in Unix seconds, to the millisecond."""
    return round(time.time(), 3)
