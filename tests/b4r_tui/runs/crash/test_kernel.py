"""The kernel's counters of killed processes, from both versions of control groups."""

from __future__ import annotations

from pathlib import Path

import pytest

from b4r_tui.runs.crash.kernel import Kills, kills, victims


def files(folder: Path, texts: dict[str, str]) -> None:
    for name, text in texts.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


@pytest.mark.parametrize(
    ("membership", "counter"),
    [
        ("0::/user.slice/a\n", "user.slice/a/memory.events"),
        ("0::/elsewhere\n", "memory.events"),
        ("9:name=systemd:/\n4:memory:/jobs/b\n0::/\n", "memory/jobs/b/memory.oom_control"),
    ],
)
def test_the_counter_of_ones_own_group_is_read(tmp_path: Path, membership: str, counter: str) -> None:
    files(tmp_path, {"proc/self/cgroup": membership, "proc/vmstat": "nr_free 1\noom_kill 7\n"})
    files(tmp_path / "groups", {counter: "oom 3\noom_kill 2\n"})
    assert kills(tmp_path / "proc", tmp_path / "groups") == Kills(group=2, machine=7)


def test_no_counter_is_no_answer(tmp_path: Path) -> None:
    unknown = kills(tmp_path, tmp_path)
    assert unknown == Kills(None, None)
    assert unknown.more_than(unknown) is None
    assert Kills(1, 5).more_than(Kills(1, 4)) is True
    assert Kills(1, None).more_than(Kills(1, 4)) is False


def test_victims_are_named_in_the_kernels_log(tmp_path: Path) -> None:
    files(
        tmp_path, {"kmsg": "6,1,1,-;Memory cgroup out of memory: Killed process 4711 (python) total-vm:1kB\n"}
    )
    assert victims(tmp_path / "kmsg") == {4711}
    assert victims(tmp_path / "nothing") == set()
