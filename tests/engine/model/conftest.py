"""Fixtures that tests of the model share."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import torch


@pytest.fixture
def restored_threads() -> Iterator[None]:
    """For tests that set torch's number of threads."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture
def chunks_of(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Makes chunks of about so many tokens, and gives a thread one of its own from 4 tokens on."""

    def set_sizes(tokens: int) -> None:
        monkeypatch.setattr("engine.contract.kernel_sizes.CHUNK_TOKENS", tokens)
        monkeypatch.setattr("engine.contract.kernel_sizes.MIN_CHUNK_TOKENS", 4)

    return set_sizes
