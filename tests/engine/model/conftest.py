"""What tests of the model share."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import torch


@pytest.fixture
def threads_are_put_back() -> Iterator[None]:
    """For tests that set torch's number of threads."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture
def pieces_of(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Makes pieces of about so many tokens, and lets a thread have one of its own from 4 on."""

    def set_sizes(tokens: int) -> None:
        monkeypatch.setattr("engine.model.cpu.chunks.TOKENS", tokens)
        monkeypatch.setattr("engine.model.cpu.chunks.LEAST_TOKENS", 4)

    return set_sizes
