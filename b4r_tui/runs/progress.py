"""Tracks the progress of a run: folds its events into one plain object that tables and plots read."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import singledispatchmethod

from b4r_tui.runs.state import RunState, read_state
from b4r_tui.runs.store import Run
from engine.contract import run_folder
from engine.contract.errors import B4RError
from engine.contract.events import (
    Epoch,
    Event,
    EventReader,
    Progress,
    Record,
    RunFailed,
    RunFinished,
    RunResumed,
    RunStarted,
    Test,
    Warn,
)

TRAIN_SHARE = 0.9  # of an epoch's progress; the rest is its validation
EPOCHS_SHARE = 0.98  # of the run's progress; the rest is the test


@dataclass
class RunProgress:
    """What a run has reported so far. Epochs count from 0 as in events; times are unix seconds."""

    epochs: int = 0
    phase: str = ""
    epoch: int = 0
    step: int = 0
    steps: int = 0
    loss: float | None = None
    sequences_per_second: float | None = None
    memory_mb: float | None = None
    history: list[Epoch] = field(default_factory=list)
    best_epoch: int | None = None
    test: Test | None = None
    started: RunStarted | None = None
    warnings: list[Warn] = field(default_factory=list)
    error: str | None = None
    traceback: str = ""
    seconds: float | None = None
    started_at: float | None = None
    ended_at: float | None = None
    _training_since: tuple[float, float] | None = (
        None  # time of training's first report, and the fraction done then
    )
    _reported_at: float = 0.0

    def apply(self, record: Record) -> None:
        """Fold one event in; unknown events change nothing."""
        self._fold(record.event, record.t)
        self._reported_at = max(self._reported_at, record.t)
        is_progress = isinstance(record.event, Progress | Epoch)
        if is_progress and self._training_since is None and (self.phase == "train" or self.history):
            self._training_since = (record.t, self.fraction())

    @property
    def epochs_done(self) -> int:
        """Return the number of completed epochs."""
        return self.history[-1].epoch + 1 if self.history else 0

    @property
    def train_losses(self) -> list[float]:
        """Return the mean training loss of each completed epoch."""
        return [epoch.train_loss for epoch in self.history]

    def forget_end_before(self, t: float) -> None:
        """Drop an end reported before `t`, when a newer attempt was queued: it was not the run's end."""
        if self.ended_at is not None and self.ended_at < t:
            self._clear_end()

    def _clear_end(self) -> None:
        self.phase = "" if self.phase == "failed" else self.phase
        self.error, self.traceback, self.ended_at = None, "", None

    def fraction(self) -> float:
        """Return the fraction of the run that is done, from 0 to 1."""
        if self.phase == "finished":
            return 1.0
        within = min(self.step / self.steps, 1.0) if self.steps else 0.0
        if self.phase == "test" or self.test is not None:
            return EPOCHS_SHARE + (1 - EPOCHS_SHARE) * (1.0 if self.test else within)
        if not self.epochs:
            return 0.0
        return EPOCHS_SHARE * min(self._epochs_worth(within) / self.epochs, 1.0)

    def eta_seconds(self, now: float) -> float | None:
        """Return the seconds left at the pace so far; None before training has made progress, or at the end."""
        if self._training_since is None or self.ended_at is not None:
            return None
        since, done_then = self._training_since
        done = self.fraction()
        if done <= done_then or self._reported_at <= since:
            return None
        pace = (self._reported_at - since) / (done - done_then)
        return max(0.0, pace * (1.0 - done) - max(0.0, now - self._reported_at))

    def metric(self, name: str, protocol: str | None = None) -> float | None:
        """Return the newest validation value of a metric; `protocol` None means the first one measured."""
        for epoch in reversed(self.history):
            if epoch.metrics:
                return _value(epoch, name, protocol)
        return None

    def metric_curve(self, name: str, protocol: str | None = None) -> list[tuple[int, float]]:
        """Return (epoch, validation value) for each epoch that measured the metric."""
        values = [(epoch.epoch, _value(epoch, name, protocol)) for epoch in self.history]
        return [(epoch, value) for epoch, value in values if value is not None]

    def _epochs_worth(self, within: float) -> float:
        """Return the number of epochs done, with the fraction of the current one."""
        if self.epoch < self.epochs_done:
            return self.epochs_done
        validating = self.phase == "validate"
        part = TRAIN_SHARE + (1 - TRAIN_SHARE) * within if validating else TRAIN_SHARE * within
        return self.epoch + part

    @singledispatchmethod
    def _fold(self, event: Event, t: float) -> None:
        """Ignore events that do not change the progress."""

    @_fold.register
    def _(self, event: RunStarted, t: float) -> None:
        self.started, self.started_at = event, t
        self._clear_end()

    @_fold.register
    def _(self, event: RunResumed, t: float) -> None:
        self.history = [epoch for epoch in self.history if epoch.epoch < event.epoch]
        self.epoch, self.step, self.steps, self.test = event.epoch, event.step, 0, None
        bests = [epoch.epoch for epoch in self.history if epoch.best]
        self.best_epoch = bests[-1] if bests else None
        self._training_since = None  # the pace must not include the pause

    @_fold.register
    def _(self, event: Progress, t: float) -> None:
        self.started_at = self.started_at or t
        self.phase, self.epoch, self.step, self.steps = event.phase, event.epoch, event.step, event.steps
        self.loss = self.loss if event.loss is None else event.loss
        self.memory_mb = self.memory_mb if event.memory_mb is None else event.memory_mb
        if event.phase == "train" and event.sequences_per_second is not None:
            self.sequences_per_second = event.sequences_per_second

    @_fold.register
    def _(self, event: Epoch, t: float) -> None:
        self.history = [epoch for epoch in self.history if epoch.epoch < event.epoch] + [event]
        self.epoch, self.epochs, self.step, self.steps = event.epoch, event.epochs, 0, 0
        self.loss, self.sequences_per_second = event.train_loss, event.sequences_per_second
        self.best_epoch = event.epoch if event.best else self.best_epoch

    @_fold.register
    def _(self, event: Test, t: float) -> None:
        self.test = event

    @_fold.register
    def _(self, event: Warn, t: float) -> None:
        self.warnings.append(event)

    @_fold.register
    def _(self, event: RunFinished, t: float) -> None:
        self.phase, self.ended_at = "finished", t
        self.seconds, self.best_epoch = event.seconds, event.best_epoch

    @_fold.register
    def _(self, event: RunFailed, t: float) -> None:
        self.phase, self.ended_at = "failed", t
        self.error, self.traceback = event.error, event.traceback


class RunWatch:
    """Follows one run: each `poll` reads what is new in its folder.

    new_records: the events of the last poll, for programs that print them.
    """

    def __init__(self, run: Run) -> None:
        self.run = run
        self.progress = RunProgress(epochs=_planned_epochs(run))
        self.state = RunState.QUEUED
        self.new_records: list[Record] = []
        self._reader = EventReader(run.events_path)
        self._settled: tuple[int, int] | None = (0, 0)  # the mark of the exit record up to which all is read

    def poll(self) -> bool:
        """Read on and return whether anything changed. Once the run has ended and all is read, it costs a stat.

        An ended run may be resumed: its exit record is then removed, and a new one is written later.
        """
        self.new_records = []
        if self._settled == self._end_mark():
            return False
        state = read_state(self.run.dir)  # before the events: an end seen here means that all are written
        self.new_records = self._reader.poll()
        for record in self.new_records:
            self.progress.apply(record)
        status = self.run.status() if self.progress.ended_at is not None else None
        self.progress.forget_end_before(status.queued_at if status else 0.0)
        changed = bool(self.new_records) or state != self.state
        self.state = state
        if state.ended:
            self._settle(state)
        return changed

    def _settle(self, state: RunState) -> None:
        """Take from the exit record what no event reported. A lost run has none, and may be resumed."""
        self._settled = (state is not RunState.LOST and self._end_mark()) or (0, 0)
        ended = self.run.exit()
        if ended is not None:
            self.progress.ended_at = self.progress.ended_at or ended.ended_at
            self.progress.error = self.progress.error or ended.error

    def _end_mark(self) -> tuple[int, int] | None:
        """Return what distinguishes an exit record from a later one, None if there is none."""
        try:
            stat = (self.run.dir / run_folder.EXIT).stat()
        except OSError:
            return None
        return stat.st_mtime_ns, stat.st_ino


def _planned_epochs(run: Run) -> int:
    try:
        return run.config().training.num_epochs
    except B4RError:
        return 0


def _value(epoch: Epoch, name: str, protocol: str | None) -> float | None:
    chosen = next(iter(epoch.metrics), "") if protocol is None else protocol
    return epoch.metrics.get(chosen, {}).get(name)
