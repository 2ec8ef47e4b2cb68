"""An event of a run as a line of text, the same in every command."""

from __future__ import annotations

from functools import singledispatch

from b4r_tui.common.format import decimal, duration, loss, plural, rate, whole
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


@singledispatch
def event_line(event: Event) -> str:
    """Return an event as a line of text. Epochs count from 1; of validation only the first protocol is shown."""
    return event.type


@event_line.register
def _(event: RunStarted) -> str:
    data = event.dataset
    size = ", ".join(f"{whole(data[key])} {key}" for key in ("users", "items", "interactions") if key in data)
    return (
        f"started: {event.mode} on {event.device}, {plural(event.world_size, 'rank')}; "
        f"{data.get('name', 'data')} ({size}); {event.parameters:,} parameters"
    )


@event_line.register
def _(event: RunResumed) -> str:
    return f"resumed at epoch {event.epoch + 1}, step {event.step + 1:,}"


@event_line.register
def _(event: Progress) -> str:
    parts = [event.phase, f"epoch {event.epoch + 1}", f"step {event.step:,}/{event.steps:,}"]
    parts += [f"loss {loss(event.loss)}"] if event.loss is not None else []
    parts += [f"{rate(event.sequences_per_second)} sequences/s"] if event.sequences_per_second else []
    return "  ".join(parts)


@event_line.register
def _(event: Epoch) -> str:
    parts = [f"epoch {event.epoch + 1}/{event.epochs}", f"loss {loss(event.train_loss)}"]
    for protocol, metrics in list(event.metrics.items())[:1]:
        shown = [f"{name} {decimal(metrics[name])}" for name in ("recall@10", "ndcg@10") if name in metrics]
        parts += [f"validation {protocol} {' '.join(shown)}"] if shown else []
    parts.append(f"{rate(event.sequences_per_second)} sequences/s")
    return "  ".join(parts) + ("  best so far" if event.best else "")


@event_line.register
def _(event: Checkpoint) -> str:
    return f"checkpoint of epoch {event.epoch + 1}: {event.path} ({event.bytes / 1e6:,.1f} MB)"


@event_line.register
def _(event: Test) -> str:
    parts = [f"tested epoch {event.checkpoint_epoch + 1}"]
    for protocol, metrics in event.metrics.items():
        value, popular = metrics.get("ndcg@10", {}), event.baseline.get(protocol, {}).get("ndcg@10", {})
        if value:
            baseline = f" (popularity {decimal(popular['value'])})" if popular else ""
            parts.append(f"test {protocol} ndcg@10 {decimal(value.get('value'))}{baseline}")
    return "  ".join(parts)


@event_line.register
def _(event: Warn) -> str:
    return f"warning: {event.message}"


@event_line.register
def _(event: RunFinished) -> str:
    return f"finished in {duration(event.seconds)}; best epoch {event.best_epoch + 1}"


@event_line.register
def _(event: RunFailed) -> str:
    return f"failed: {event.error}"
