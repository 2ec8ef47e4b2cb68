"""Threads that each compute a share of a step by themselves, instead of all threads sharing every small operation."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from typing import TypeVar

import torch

_Result = TypeVar("_Result")


def run_parallel(jobs: Sequence[Callable[[], _Result]]) -> list[_Result]:
    """Return the results of the jobs, each run without autograd in a thread of its own, the first in this one.

    While there are several, each has one of torch's threads. Raises the exception of the first job that failed, after
    all of them have ended.
    """
    first, *others = jobs
    if not others:
        with torch.no_grad():
            return [first()]
    futures = [_threads(len(others)).submit(torch.no_grad()(job)) for job in others]
    # until all have ended: a thread that starts late sets torch's number of threads for later threads, too
    with single_threaded():
        try:
            with torch.no_grad():
                result = first()
        finally:
            exceptions = [future.exception() for future in futures]
    if failures := [exception for exception in exceptions if exception]:
        raise failures[0]
    return [result, *(future.result() for future in futures)]


@cache
def _threads(count: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(count, "step", initializer=torch.set_num_threads, initargs=(1,))


@contextmanager
def single_threaded() -> Iterator[None]:
    """Give torch's operations one thread while the context lasts, in this thread of Python."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
