"""Makes the next batch, and brings it to the device, while the one before it is in use."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields
from functools import partial
from itertools import islice

import torch

from engine.data.loader import Batch

Fetch = Callable[[], list[Batch]]


def made_ahead(batches: Iterator[Batch], device: torch.device, together: int = 1) -> Iterator[Batch]:
    """The same batches on `device`, so many together made by a thread of its own while those before are in use.

    An error in `batches` is raised where the first of those made together was due.
    """
    fetch = _to_gpu(batches, device, together) if device.type == "cuda" else partial(_some, batches, together)
    with ThreadPoolExecutor(1, "batches") as maker:
        coming = maker.submit(fetch)
        while some := coming.result():
            coming = maker.submit(fetch)
            for batch in some:
                if device.type == "cuda":
                    _hand_over(batch, device)
                yield batch


def _some(batches: Iterator[Batch], together: int) -> list[Batch]:
    return list(islice(batches, together))


def _to_gpu(batches: Iterator[Batch], device: torch.device, together: int) -> Fetch:
    """Copies on a stream beside that of the model, from pinned memory; done when the batches are given."""
    stream = torch.cuda.Stream(device)

    def fetch() -> list[Batch]:
        with torch.cuda.stream(stream):
            copied = [batch.to(device) for batch in _some(batches, together)]
        stream.synchronize()  # this thread waits, not the one that trains
        return copied

    return fetch


def _hand_over(batch: Batch, device: torch.device) -> None:
    """Tell the allocator that the model's stream uses the batch, so that its memory is not given away too early."""
    for part in fields(batch):
        getattr(batch, part.name).record_stream(torch.cuda.current_stream(device))
