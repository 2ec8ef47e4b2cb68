"""Jobs on threads of their own: their order, their failures, and the threads torch has meanwhile and afterwards."""

import threading
import time
from functools import partial

import pytest
import torch

from engine.model import thread_pool
from engine.model.thread_pool import run_parallel


@pytest.fixture(autouse=True)
def three_threads(restored_threads):
    torch.set_num_threads(3)


@pytest.mark.parametrize("count", [1, 2, 5])
def test_results_are_in_the_order_of_jobs_whichever_ends_first(count):
    ended = [threading.Event() for _ in range(count)]

    def job(number):
        if number + 1 < count:
            assert ended[number + 1].wait(60)  # the last is the first to end
        ended[number].set()
        return number

    assert run_parallel([partial(job, number) for number in range(count)]) == list(range(count))


def test_each_of_several_jobs_has_a_thread_of_python_and_the_first_runs_here():
    together = threading.Barrier(3)

    def job():
        together.wait(60)
        return threading.get_ident()

    found = run_parallel([job] * 3)
    assert found[0] == threading.get_ident()
    assert len(set(found)) == 3


@pytest.mark.parametrize("count", [1, 3])
def test_jobs_run_without_autograd_and_the_caller_keeps_it(count):
    parameter = torch.ones(2, requires_grad=True)
    found = run_parallel([lambda: (torch.is_grad_enabled(), parameter * 2)] * count)
    assert not any(enabled or product.requires_grad for enabled, product in found)
    assert torch.is_grad_enabled()


def test_each_of_several_jobs_sees_one_thread_and_a_single_one_all():
    assert run_parallel([torch.get_num_threads] * 3) == [1, 1, 1]
    assert run_parallel([torch.get_num_threads]) == [3]
    assert torch.get_num_threads() == 3


@pytest.mark.parametrize("failing", [[0], [1], [2], [0, 1], [1, 2], [0, 1, 2]])
def test_the_first_failure_is_raised_after_all_jobs_have_ended(failing):
    ended, go = set(), threading.Event()

    def job(number):
        if number not in failing:
            assert go.wait(60)  # slower than those that fail
        ended.add(number)
        if number == max(failing):
            go.set()
        if number in failing:
            raise ValueError(number)

    with pytest.raises(ValueError) as caught:
        run_parallel([partial(job, number) for number in range(3)])
    assert caught.value.args == (min(failing),)
    assert ended == {0, 1, 2}
    assert torch.get_num_threads() == 3 and torch.is_grad_enabled()
    assert run_parallel([lambda: 1] * 3) == [1, 1, 1]  # its threads are of use again


def test_a_thread_made_afterwards_has_the_callers_number_of_threads(monkeypatch):
    real, here = torch.set_num_threads, threading.get_ident()

    def slow_elsewhere(count):
        if threading.get_ident() != here:
            time.sleep(0.1)  # a thread of a pool that starts late
        real(count)

    monkeypatch.setattr(torch, "set_num_threads", slow_elsewhere)
    thread_pool._threads.cache_clear()
    run_parallel([lambda: None] * 3)
    monkeypatch.undo()
    thread_pool._threads.cache_clear()
    found = []
    thread = threading.Thread(target=lambda: found.append(torch.get_num_threads()))
    thread.start()
    thread.join()
    assert found == [3]
