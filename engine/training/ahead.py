"""Makes the next batch, and brings it to the device, while the one before it is in use."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields

import torch

from engine.data.loader import Batch

Fetch = Callable[[], Batch | None]


def made_ahead(batches: Iterator[Batch], device: torch.device) -> Iterator[Batch]:
    """The same batches on `device`, each made by a thread of its own during the step before.

    An error in `batches` is raised where its batch was due.
    """
    fetch = _to_gpu(batches, device) if device.type == "cuda" else lambda: next(batches, None)
    with ThreadPoolExecutor(1, "batches") as maker:
        coming = maker.submit(fetch)
        while (batch := coming.result()) is not None:
            coming = maker.submit(fetch)
            if device.type == "cuda":
                _hand_over(batch, device)
            yield batch


def _to_gpu(batches: Iterator[Batch], device: torch.device) -> Fetch:
    """Copies on a stream beside that of the model, from pinned memory; done when the batch is given."""
    stream = torch.cuda.Stream(device)

    def fetch() -> Batch | None:
        batch = next(batches, None)
        if batch is None:
            return None
        with torch.cuda.stream(stream):
            copied = batch.to(device)
        stream.synchronize()  # this thread waits, not the one that trains
        return copied

    return fetch


def _hand_over(batch: Batch, device: torch.device) -> None:
    """Tell the allocator that the model's stream uses the batch, so that its memory is not given away too early."""
    for part in fields(batch):
        getattr(batch, part.name).record_stream(torch.cuda.current_stream(device))
