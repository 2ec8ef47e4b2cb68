"""How numbers, times and events are put into words, the same in every command."""

from __future__ import annotations

import math
import time
from functools import singledispatch

from engine.contract.events import (
    Checkpoint,
    Epoch,
    Event,
    Progress,
    RunFailed,
    RunFinished,
    RunResumed,
    RunStarted,
    Test,
    Warn,
)

NOTHING = "–"


def decimal(value: float | None, digits: int = 4) -> str:
    """A metric or loss."""
    return NOTHING if value is None else f"{value:.{digits}f}"


def interval(low: float | None, high: float | None) -> str:
    """A 95 % interval."""
    return "" if low is None or high is None else f"{low:.4f} to {high:.4f}"


def whole(value: float | None) -> str:
    """A count or speed, thousands apart."""
    return NOTHING if value is None else f"{value:,.0f}"


def duration(seconds: float | None) -> str:
    """A time span, short: 45s, 3m 20s, 1h 05m, 2d 03h."""
    if seconds is None or not math.isfinite(seconds):
        return NOTHING
    whole_seconds = max(0, round(seconds))
    minutes, second = divmod(whole_seconds, 60)
    hours, minute = divmod(minutes, 60)
    days, hour = divmod(hours, 24)
    if days:
        return f"{days}d {hour:02}h"
    if hours:
        return f"{hours}h {minute:02}m"
    return f"{minutes}m {second:02}s" if minutes else f"{second}s"


def moment(seconds: float | None) -> str:
    """A time of this machine's zone, to the second."""
    return NOTHING if seconds is None else time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))


def plural(count: int, noun: str) -> str:
    """`1 run`, `2 runs`."""
    return f"{count:,} {noun}" + ("" if count == 1 else "s")


@singledispatch
def told(event: Event) -> str:
    """An event as a line for people. Epochs count from 1 in it, and of validation it tells the first protocol."""
    return event.type


@told.register
def _(event: RunStarted) -> str:
    data = event.dataset
    size = ", ".join(f"{whole(data[key])} {key}" for key in ("users", "items", "interactions") if key in data)
    return (
        f"started: {event.mode} on {event.device}, {plural(event.world_size, 'rank')}; "
        f"{data.get('name', 'data')} ({size}); {event.parameters:,} parameters"
    )


@told.register
def _(event: RunResumed) -> str:
    return f"resumed at epoch {event.epoch + 1}, step {event.step + 1:,}"


@told.register
def _(event: Progress) -> str:
    parts = [event.phase, f"epoch {event.epoch + 1}", f"step {event.step:,}/{event.steps:,}"]
    parts += [f"loss {decimal(event.loss)}"] if event.loss is not None else []
    parts += [f"{whole(event.sequences_per_second)} sequences/s"] if event.sequences_per_second else []
    return "  ".join(parts)


@told.register
def _(event: Epoch) -> str:
    parts = [f"epoch {event.epoch + 1}/{event.epochs}", f"loss {decimal(event.train_loss)}"]
    for protocol, metrics in list(event.metrics.items())[:1]:
        shown = [f"{name} {decimal(metrics[name])}" for name in ("recall@10", "ndcg@10") if name in metrics]
        parts += [f"validation {protocol} {' '.join(shown)}"] if shown else []
    parts.append(f"{whole(event.sequences_per_second)} sequences/s")
    return "  ".join(parts) + ("  best so far" if event.best else "")


@told.register
def _(event: Checkpoint) -> str:
    return f"checkpoint of epoch {event.epoch + 1}: {event.path} ({event.bytes / 1e6:,.1f} MB)"


@told.register
def _(event: Test) -> str:
    parts = [f"tested epoch {event.checkpoint_epoch + 1}"]
    for protocol, metrics in event.metrics.items():
        value, popular = metrics.get("ndcg@10", {}), event.baseline.get(protocol, {}).get("ndcg@10", {})
        if value:
            beside = f" (popularity {decimal(popular['value'])})" if popular else ""
            parts.append(f"test {protocol} ndcg@10 {decimal(value.get('value'))}{beside}")
    return "  ".join(parts)


@told.register
def _(event: Warn) -> str:
    return f"warning: {event.message}"


@told.register
def _(event: RunFinished) -> str:
    return f"finished in {duration(event.seconds)}; best epoch {event.best_epoch + 1}"


@told.register
def _(event: RunFailed) -> str:
    return f"failed: {event.error}"
