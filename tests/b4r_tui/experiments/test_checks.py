"""What is checked before a launch agrees with what the engine will do."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from b4r_tui.common import machine
from b4r_tui.experiments.checks import problems_here
from engine.contract.config.launch import LaunchConfig
from engine.contract.data_files import DATA_FILES
from engine.data.readers.library_thing import LIBRARY_THING
from engine.data.readers.ml_1m import ML_1M
from engine.data.readers.ml_20m import ML_20M
from engine.data.readers.ml_100k import ML_100K
from tests.builders import experiment_of


def test_the_files_asked_for_are_those_the_readers_open() -> None:
    readers = {"ml-100k": ML_100K, "ml-1m": ML_1M, "ml-20m": ML_20M, "lt": LIBRARY_THING}
    assert {name: reader.file_name for name, reader in readers.items()} == DATA_FILES


def data_problems(folder: Path, name: str) -> list[str]:
    experiment = experiment_of(data={"dataset_name": name, "dataset_path": str(folder)})
    return [each.sentence for each in problems_here(experiment) if each.key == "data.dataset_path"]


def test_a_folder_is_checked_for_the_files_of_its_data_set(tmp_path: Path) -> None:
    assert data_problems(tmp_path, "lt") == [f"no reviews.txt in {tmp_path}, which lt needs"]
    assert "no data file (.csv, .tsv, .inter, .txt, .parquet)" in data_problems(tmp_path, "csv")[0]
    for name in ("a.csv", "reviews.txt.gz", "notes.md"):
        (tmp_path / name).touch()
    assert data_problems(tmp_path, "lt") == []
    assert data_problems(tmp_path, "csv") == [
        f"2 data files in {tmp_path}; name one of them, such as {tmp_path / 'a.csv'}"
    ]
    (tmp_path / "reviews.txt.gz").unlink()
    assert data_problems(tmp_path, "csv") == []


def test_a_zip_as_downloaded_will_do(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "ml-1m.zip", "w") as archive:
        archive.writestr("ml-1m/ratings.dat", "1::2::3::4")
    assert data_problems(tmp_path, "ml-1m") == []
    assert "no u.data" in data_problems(tmp_path, "ml-100k")[0]
    (tmp_path / "ml-1m.zip").write_bytes(b"PK")
    assert "ml-1m.zip: damaged" in data_problems(tmp_path, "ml-1m")[0]


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
