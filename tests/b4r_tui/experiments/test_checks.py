"""What is checked before a launch agrees with what the engine will do."""

from __future__ import annotations

import pytest

from b4r_tui import machine
from b4r_tui.experiments.checks import DATA_FILES
from engine.config import LaunchConfig
from engine.data.readers.ml_1m import ML_1M
from engine.data.readers.ml_20m import ML_20M
from engine.data.readers.ml_100k import ML_100K


def test_the_files_asked_for_are_those_the_readers_open() -> None:
    readers = {"ml-100k": ML_100K, "ml-1m": ML_1M, "ml-20m": ML_20M}
    assert {name: reader.file_name for name, reader in readers.items()} == DATA_FILES


@pytest.mark.parametrize(
    ("gpu", "j", "found", "taken"),
    [("auto", "1x2", 0, 0), ("auto", "1x2", 1, 0), ("auto", "1x2", 4, 2), (0, "1x2", 4, 0), (3, "1x2", 4, 3)],
)
def test_auto_takes_a_gpu_a_process_or_none(
    gpu: int | str, j: str, found: int, taken: int, monkeypatch
) -> None:
    monkeypatch.setattr(machine, "gpu_names", lambda: tuple(map(str, range(found))))
    assert machine.gpus_for(LaunchConfig.model_validate({"gpu": gpu, "j": j})) == taken


@pytest.mark.parametrize(
    ("visible", "names"),
    [("", ()), ("-1", ()), ("2,0", ("2", "0")), ("0,-1,1", ("0",)), ("GPU-a b", ("GPU-a b",))],
)
def test_cuda_visible_devices_limits_what_there_is(visible: str, names: tuple[str, ...], monkeypatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    monkeypatch.setattr(machine, "_installed_gpus", lambda: 4)
    machine.gpu_names.cache_clear()
    assert machine.gpu_names() == names
    machine.gpu_names.cache_clear()
