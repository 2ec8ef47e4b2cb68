"""Makes the crash card of a run, which supervisors write and screens read."""

from __future__ import annotations

import time
from collections.abc import Sequence

import psutil

from b4r_tui.runs.crash.card import Card, Cause, card_from
from b4r_tui.runs.crash.causes import cause_of
from b4r_tui.runs.crash.diagnosis import Failure
from b4r_tui.runs.crash.evidence import Evidence, gather
from b4r_tui.runs.crash.kernel import Kills
from b4r_tui.runs.crash.steps import next_steps
from b4r_tui.runs.crash.traceback import last_own_frame
from b4r_tui.runs.records import FAILED, STOPPED, TIME_LIMIT, ExitRecord
from b4r_tui.runs.state import RunState
from b4r_tui.runs.store import Run
from engine.contract.config.experiment import Experiment
from engine.contract.errors import B4RError
from engine.contract.events import RunFailed

EXCERPT_LINES = 8
_NOTHING_FAILED = Failure(rank=None, code=None, signal=None, sentence="", traceback="")


def explain(
    run: Run,
    returncode: int,
    reported: Sequence[RunFailed] = (),
    before: Kills | None = None,
    experiment: Experiment | None = None,
) -> tuple[Card, Failure]:
    """Return the card of a run whose torchrun ended with `returncode`, and the plain facts of its end.

    reported: failures in its events, oldest first. before: the kernel's counters when the run began.
    """
    evidence = gather(run, returncode, reported, before, experiment or _settings(run))
    cause, sentence = cause_of(evidence)
    return _card(cause, sentence, evidence), evidence.failure


def card_of(run: Run, state: RunState, ended: ExitRecord | None) -> Card | None:
    """Return the card of a run that did not end well, stored or made now; None where all is well."""
    stored = card_from(ended.card) if ended else None
    if stored is not None:
        return stored
    if state is RunState.LOST:
        return lost(run)
    if ended is None or not ended.error or ended.reason not in (FAILED, TIME_LIMIT):
        return None
    cause = Cause.TIME_LIMIT if ended.reason == TIME_LIMIT else Cause.UNKNOWN
    return plain(run, cause, ended.error)


def ended_early(run: Run, reason: str, sentence: str | None) -> Card | None:
    """Return the card of a run that another program stopped, or that hit its time limit."""
    if reason == TIME_LIMIT:
        return plain(run, Cause.TIME_LIMIT, sentence or "it reached its time limit")
    if reason == STOPPED:
        return plain(
            run,
            Cause.KILLED,
            "a rank received SIGTERM from outside b4r-tui; a checkpoint was saved first",
        )
    return None


def lost(run: Run) -> Card:
    """Return the card of a run whose supervisor died without recording an end."""
    status = run.status()
    began = (status.started_at or status.queued_at) if status else time.time()
    if psutil.boot_time() > began:
        return plain(run, Cause.SUPERVISOR_LOST, "the machine restarted while the run was running or queued")
    return plain(
        run,
        Cause.SUPERVISOR_LOST,
        "the run's supervisor was killed, usually by SIGKILL or for lack of memory, and its ranks ended with it",
    )


def plain(run: Run, cause: Cause, sentence: str) -> Card:
    """Return a card that needs no log."""
    places = {"root": str(run.dir.parent.parent), "id": run.run_id}
    return _card(cause, sentence, Evidence(_NOTHING_FAILED, _settings(run), places=places))


def _card(cause: Cause, sentence: str, evidence: Evidence) -> Card:
    lines = evidence.failure.traceback.splitlines() or list(evidence.failure.launcher)
    return Card(
        cause=cause,
        sentence=sentence,
        rank=evidence.rank,
        where=last_own_frame(evidence.last_output.splitlines()),
        excerpt=tuple([line for line in lines if line.strip()][-EXCERPT_LINES:]),
        steps=next_steps(cause, evidence),
    )


def _settings(run: Run) -> Experiment | None:
    try:
        return run.config()
    except B4RError:
        return None
