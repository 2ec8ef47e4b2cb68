"""Threads that each compute a share of a step by themselves, instead of all threads sharing every small operation."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from typing import TypeVar

import torch

_Found = TypeVar("_Found")


def side_by_side(jobs: Sequence[Callable[[], _Found]]) -> list[_Found]:
    """What the jobs return, each run without autograd in a thread of its own, the first in this one.

    While there are several, each has one of torch's threads. Raises what the first job that failed raised, after all
    of them have ended.
    """
    first, *others = jobs
    if not others:
        with torch.no_grad():
            return [first()]
    coming = [_threads(len(others)).submit(torch.no_grad()(job)) for job in others]
    with alone():  # until all have ended: where a thread starts late, its number is that of later ones, too
        try:
            with torch.no_grad():
                found = first()
        finally:
            ends = [job.exception() for job in coming]
    if failures := [end for end in ends if end]:
        raise failures[0]
    return [found, *(job.result() for job in coming)]


@cache
def _threads(count: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(count, "step", initializer=torch.set_num_threads, initargs=(1,))


@contextmanager
def alone() -> Iterator[None]:
    """One thread for the operations of this thread of Python."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
