"""Checkpoints on a full or read-only disk: the run ends with one sentence, wherever the disk failed."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from engine.contract.errors import ExitCode
from engine.contract.events import RunFailed, read_events
from engine.runtime.checkpoints.write_errors import os_errors
from tests.builders import experiment_of, write_run_config
from tests.engine.conftest import run_module


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """Mounts a disk with these options."""
    folder = tmp_path / "disk"
    folder.mkdir()

    def mount(options: str) -> Path:
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
        if subprocess.run(command, capture_output=True, check=False).returncode:
            pytest.skip("needs the right to mount a tmpfs")
        return folder

    yield mount
    subprocess.run(["umount", "-l", folder], capture_output=True, check=False)


@pytest.mark.torchrun
@pytest.mark.parametrize(
    ("options", "file", "says"),
    [
        ("size=200k", "epoch_0_model.pth", "No space left on device; free disk space, then resume"),
        ("size=2m", ".last.new", "No space left on device; free disk space, then resume"),
        ("ro", "epoch_0_model.pth", "Read-only file system; make it writable, then resume"),
    ],
    ids=["epoch file", "last", "read-only"],
)
@pytest.mark.parametrize("ranks", [0, 2])
def test_a_full_or_read_only_disk_ends_the_run_with_one_sentence(tmp_path, disk, options, file, says, ranks):
    folder = disk(options)
    run_dir = tmp_path / "run"
    run_dir.mkdir()
    settings = {
        "model": {"num_layers": 1, "emb_dim": 64},
        "training": {"num_epochs": 1, "export_root": str(folder)},
        "data": {"random_item_count": 2000, "random_size": 9000, "min_item_count": 0},
        "launch": {"j": f"1x{max(ranks, 1)}"},
    }
    write_run_config(run_dir, experiment_of(**settings))
    done = run_module("engine.train", [str(run_dir)], ranks)
    failures = [r.event for r in read_events(run_dir / "events.jsonl") if isinstance(r.event, RunFailed)]
    assert [failure.traceback for failure in failures] == [""]
    assert file in failures[0].error and failures[0].error.endswith(says)
    assert done.returncode == (ExitCode.RUN_FAILED if ranks else ExitCode.ENVIRONMENT)  # torchrun's own code


def test_other_errors_than_the_disks_are_not_changed():
    with pytest.raises(RuntimeError, match="another"), os_errors():
        raise RuntimeError("another")
