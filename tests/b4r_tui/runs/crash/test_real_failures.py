"""Runs that really die get the right crash card."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from b4r_tui.runs.crash.card import Card, Cause
from b4r_tui.runs.crash.explain import card_of
from b4r_tui.runs.launch import launch
from b4r_tui.runs.state import RunState
from b4r_tui.runs.store import Run, RunStore
from engine.contract.config.experiment import Experiment
from tests.b4r_tui.conftest import SLEEPS, wait_for_end, wait_until

Scripted = Callable[..., Experiment]
GROUPS = Path("/sys/fs/cgroup")
SMALL = 48 << 20  # bytes of memory a control group gives


def card(run: Run) -> Card:
    found = card_of(run, run.state, run.exit())
    assert found is not None
    return found


def ended(store: RunStore, experiment: Experiment) -> Card:
    (run,) = launch(store, [experiment])
    wait_for_end(run)
    return card(run)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("needs the right to mount a tmpfs")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


@pytest.fixture
def small_group() -> Iterator[Path]:
    """A control group with little memory: a file to write a pid to."""
    old = (GROUPS / "memory").is_dir()
    folder = (GROUPS / "memory" if old else GROUPS) / f"b4r-test-{os.getpid()}"
    try:
        folder.mkdir()
        (folder / ("memory.limit_in_bytes" if old else "memory.max")).write_text(str(SMALL))
        if not old:
            (folder / "memory.swap.max").write_text("0")
    except OSError:
        pytest.skip("needs the right to make a control group")
    yield folder / "cgroup.procs"
    wait_until(lambda: not (folder / "cgroup.procs").read_text())
    folder.rmdir()


@pytest.mark.usefixtures("fake_torchrun")
class TestUnderTheStandIn:
    def test_a_rank_killed_from_outside(self, store: RunStore, scripted: Scripted) -> None:
        (run,) = launch(store, [scripted("(run / 'pid').write_text(str(os.getpid()))\n" + SLEEPS)])
        wait_until(lambda: (run.dir / "pid").exists() and (run.dir / "pid").read_text())
        os.kill(int((run.dir / "pid").read_text()), signal.SIGKILL)
        wait_for_end(run)
        found = card(run)
        assert found.cause is Cause.KILLED
        assert "another user or program" in found.sentence
        assert run.run_id in found.steps[-1]

    def test_a_full_disk(self, store: RunStore, scripted: Scripted, small_disk: Path) -> None:
        body = f"with open({str(small_disk / 'x')!r}, 'wb') as f:\n    f.write(bytes(5 << 20))\n    f.flush()"
        found = ended(store, scripted(body))
        assert found.cause is Cause.DISK_FULL
        assert any("df -h" in step for step in found.steps)
        assert found.where and found.where.endswith("in <module>")

    def test_memory_that_is_refused(self, store: RunStore, scripted: Scripted) -> None:
        body = "import resource\nresource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))\nx = bytearray(4 << 30)"
        assert ended(store, scripted(body)).cause is Cause.OUT_OF_MEMORY

    def test_memory_that_the_kernel_kills_for(
        self, store: RunStore, scripted: Scripted, small_group: Path
    ) -> None:
        body = (
            f"Path({str(small_group)!r}).write_text(str(os.getpid()))\nx = b'x' * (500 << 20)\ntime.sleep(9)"
        )
        found = ended(store, scripted(body))
        assert found.cause is Cause.OUT_OF_MEMORY
        assert "out-of-memory killer" in found.sentence

    def test_a_time_limit(self, store: RunStore, scripted: Scripted) -> None:
        found = ended(store, scripted(SLEEPS, time_limit=0.01))
        assert found.cause is Cause.TIME_LIMIT
        assert "launch.time_limit (now 0.01 minutes)" in found.steps[0]

    def test_a_supervisor_that_is_killed(self, store: RunStore, scripted: Scripted) -> None:
        (run,) = launch(store, [scripted(SLEEPS)])
        wait_until(lambda: run.events_path.exists())
        status = run.status()
        assert status is not None and status.supervisor_pid is not None
        os.kill(status.supervisor_pid, signal.SIGKILL)
        wait_until(lambda: run.state is RunState.LOST)
        assert card(run).cause is Cause.SUPERVISOR_LOST


@pytest.mark.torchrun
class TestUnderTorchrun:
    @pytest.fixture(autouse=True)
    def no_python_path(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("OMP_NUM_THREADS", "1")

    def test_the_first_rank_to_fail_is_named_not_its_echo(self, store: RunStore, scripted: Scripted) -> None:
        body = (
            "import torch.distributed as dist\nfrom engine.runtime.report import failures_reported, to_events\n"
            "with failures_reported(to_events(run, rank)):\n"
            "    dist.init_process_group('gloo')\n    dist.barrier()\n"
            "    if rank == 1: os.kill(os.getpid(), 9)\n    dist.barrier()"
        )
        (run,) = launch(store, [scripted(body, j="1x2")])
        wait_until(lambda: run.state.ended, 90)
        found = card(run)
        assert (found.rank, found.cause) == (1, Cause.KILLED)
        ended = run.exit()
        assert ended is not None and ended.error == found.sentence

    def test_a_rank_that_raises_first(self, store: RunStore, scripted: Scripted) -> None:
        body = (
            "import torch.distributed as dist\ndist.init_process_group('gloo')\ndist.barrier()\n"
            "if rank == 1: raise ValueError('rank one broke')\ndist.barrier()"
        )
        (run,) = launch(store, [scripted(body, j="1x2")])
        wait_until(lambda: run.state.ended, 90)
        found = card(run)
        assert (found.rank, found.cause) == (1, Cause.EXCEPTION)
        assert "ValueError: rank one broke" in found.sentence
        assert found.where and "tiny.py" in found.where
        assert any("rank one broke" in line for line in found.excerpt)

    def test_ranks_that_never_meet(self, store: RunStore, scripted: Scripted) -> None:
        body = (
            "from datetime import timedelta\nfrom torch.distributed import TCPStore\n"
            "TCPStore('localhost', 0, 2, True, timeout=timedelta(seconds=1))"
        )
        (run,) = launch(store, [scripted(body)])
        wait_until(lambda: run.state.ended, 90)
        assert card(run).cause is Cause.RENDEZVOUS

    def test_a_learning_rate_that_is_far_too_high(self, store: RunStore) -> None:
        from tests.builders import experiment_of

        (run,) = launch(store, [experiment_of(training={"lr": 1e30}, model={"num_layers": 1})])
        wait_until(lambda: run.state.ended, 120)
        found = card(run)
        assert found.cause is Cause.NO_NUMBER
        assert found.steps[0].startswith("lower training.lr from 1e+30")
