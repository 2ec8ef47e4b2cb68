"""Slots and order, decided without processes: what fits starts, what waits keeps its turn, GPUs by name and memory."""

from __future__ import annotations

import sys
import types
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from b4r_tui.runs.queue import gpus
from b4r_tui.runs.queue.decide import NEXT, Active, Waiting, decide
from b4r_tui.runs.queue.gpus import Gpu
from b4r_tui.runs.queue.slots import Machine, Needs, Slots, needs_of
from b4r_tui.runs.queue_place import Place
from b4r_tui.runs.queue_settings import Settings
from b4r_tui.runs.store import Run

GB = 10**9
TWO = (Gpu("0", 70 * GB, 80 * GB), Gpu("1", 10 * GB, 80 * GB))


def run(name: str) -> Run:
    return Run(Path("/runs/e") / name, "e", name)


def waiting(*needs: Needs) -> list[Waiting]:
    return [Waiting(run(str(number)), Place(), each) for number, each in enumerate(needs)]


def reasons(
    needs: list[Needs], machine: Machine, settings: Settings | None = None, active: tuple = ()
) -> list[str]:
    return [each.reason for each in decide(waiting(*needs), active, settings or Settings(), machine)]


def test_a_run_waits_for_threads_and_nobody_behind_takes_them() -> None:
    needs = [Needs(threads=2), Needs(threads=3), Needs(threads=1)]
    assert reasons(needs, Machine(4)) == [NEXT, "waits for 3 CPU threads", "waits for 1 CPU thread"]


def test_what_an_earlier_run_does_not_need_goes_to_a_later_one() -> None:
    needs = [Needs(gpus=2, threads=1), Needs(gpus=0, threads=1)]
    assert reasons(needs, Machine(4, TWO)) == ["waits for 2 GPUs", NEXT]


def test_runs_that_say_nothing_take_all_threads_and_those_that_want_more_run_alone() -> None:
    assert reasons([Needs(), Needs()], Machine(4)) == [NEXT, "waits for 4 CPU threads"]
    assert reasons([Needs(threads=9), Needs(threads=1)], Machine(4)) == [NEXT, "waits for 1 CPU thread"]


def test_gpus_go_by_free_memory_and_are_given_by_name() -> None:
    machine = Machine(8, TWO)
    first, second = decide(waiting(Needs(), Needs()), (), Settings(), machine)
    assert (first.slots, second.slots) == (Slots(4, ("0",)), None)
    assert reasons([Needs(memory_gb=5), Needs(memory_gb=5)], Machine(8, TWO)) == [NEXT, NEXT]
    taken = (Active(run("x"), Slots(4, ("0",))),)
    assert reasons([Needs(gpus=1, memory_gb=60)], Machine(8, TWO), active=taken) == ["waits for 1 GPU"]


def test_a_run_sees_only_the_gpus_that_its_shell_named() -> None:
    (only,) = decide(waiting(Needs(memory_gb=5, visible=("1",))), (), Settings(), Machine(8, TWO))
    (none,) = decide(waiting(Needs(visible=("",))), (), Settings(), Machine(8, TWO))
    assert only.slots is not None and only.slots.gpus == ("1",)
    assert none.slots == Slots(8, ())


def test_limits_and_runs_on_a_cluster() -> None:
    here, there = Needs(threads=1), needs_of({"scheduler": "slurm", "j": "2x8"})
    settings = Settings(runs=1, elsewhere=2)
    assert reasons([here, here, there, there, there], Machine(8), settings) == [
        NEXT,
        "waits for one of 1 run to end (queue limit)",
        NEXT,
        NEXT,
        "waits for one of 2 remote runs to end (queue limit)",
    ]
    hosts = needs_of({"j": "1:2x4", "gpu": "auto", "threads": 2})
    assert hosts == Needs(ranks=4, threads=2, is_remote=True), "several nodes are not this machine"


NEEDS = st.builds(
    Needs, ranks=st.integers(1, 4), threads=st.none() | st.integers(1, 6), gpus=st.none() | st.integers(0, 3)
)


@given(st.lists(NEEDS, max_size=8), st.integers(1, 8), st.integers(0, 3))
def test_no_slot_is_given_twice_and_the_first_always_starts(
    needs: list[Needs], cpus: int, devices: int
) -> None:
    machine = Machine(cpus, tuple(Gpu(str(number)) for number in range(devices)))
    decided = decide(waiting(*needs), (), Settings(), machine)
    given_slots = [each.slots for each in decided if each.slots]
    names = [name for slots in given_slots for name in slots.gpus]
    assert sum(slots.cpus for slots in given_slots) <= cpus
    assert len(names) == len(set(names)) <= devices
    assert not needs or decided[0].slots is not None


def test_the_library_tells_memory_and_without_it_gpus_are_still_counted(monkeypatch) -> None:
    class NVMLError(Exception):
        pass

    def memory(handle: int) -> types.SimpleNamespace:
        if handle == 2:
            raise NVMLError
        return types.SimpleNamespace(free=handle * GB, total=8 * GB)

    library = types.SimpleNamespace(
        NVMLError=NVMLError,
        nvmlInit=lambda: None,
        nvmlShutdown=lambda: None,
        nvmlDeviceGetHandleByIndex=int,
        nvmlDeviceGetMemoryInfo=memory,
    )
    monkeypatch.setattr(gpus, "gpu_names", lambda: ("1", "2", "3"))
    monkeypatch.setitem(sys.modules, "pynvml", library)
    assert gpus.probe() == (Gpu("3", 3 * GB, 8 * GB), Gpu("1", GB, 8 * GB), Gpu("2"))
    monkeypatch.setitem(sys.modules, "pynvml", None)
    assert gpus.probe() == (Gpu("1"), Gpu("2"), Gpu("3"))


@pytest.mark.parametrize(
    ("free", "asked", "room"), [(3, None, False), (4, None, True), (3, 2.5, True), (3, 3.5, False)]
)
def test_room_is_half_of_the_memory_or_what_is_asked(free: int, asked: float | None, room: bool) -> None:
    assert Gpu("0", free * GB, 8 * GB).has_memory(asked) is room
