"""Prepares the next batches, and copies them to the device, while the current ones are in use."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields
from functools import partial
from itertools import islice

import torch

from engine.data.loader import Batch

Fetch = Callable[[], list[Batch]]


def prefetched(batches: Iterator[Batch], device: torch.device, together: int = 1) -> Iterator[Batch]:
    """Yield the batches on `device`; a thread prepares the next `together` of them while the last ones are in use.

    An error in `batches` is raised where the first of the batches prepared together was due.
    """
    fetch = _to_gpu(batches, device, together) if device.type == "cuda" else partial(_take, batches, together)
    with ThreadPoolExecutor(1, "batches") as worker:
        pending = worker.submit(fetch)
        while ready := pending.result():
            pending = worker.submit(fetch)
            for batch in ready:
                if device.type == "cuda":
                    _hand_over(batch, device)
                yield batch


def _take(batches: Iterator[Batch], together: int) -> list[Batch]:
    return list(islice(batches, together))


def _to_gpu(batches: Iterator[Batch], device: torch.device, together: int) -> Fetch:
    """Return a function that copies batches from pinned memory, on a stream other than the model's."""
    stream = torch.cuda.Stream(device)

    def fetch() -> list[Batch]:
        with torch.cuda.stream(stream):
            copied = [batch.to(device) for batch in _take(batches, together)]
        stream.synchronize()  # blocks this thread, not the one that trains
        return copied

    return fetch


def _hand_over(batch: Batch, device: torch.device) -> None:
    """Tell the allocator that the model's stream uses the batch, so that its memory is not reused too early."""
    for part in fields(batch):
        getattr(batch, part.name).record_stream(torch.cuda.current_stream(device))
