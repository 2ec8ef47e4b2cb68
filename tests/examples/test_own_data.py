"""examples/own-data.toml validates once its data file exists, and the data are read as it describes."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pandas as pd
import pytest

from b4r_tui.commands.main import main
from b4r_tui.experiments.load import load_experiments
from engine.contract.errors import ExitCode
from engine.data.load import load_dataset

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "own-data.toml"
COLUMNS = re.search(r"^#     (listener,.*)$", EXAMPLE.read_text(encoding="utf-8"), re.MULTILINE)


@pytest.fixture
def example(tmp_path: Path) -> Path:
    """A copy of the example, with 8 listeners who play 6 of 7 tracks each, in its columns."""
    assert COLUMNS
    times = pd.date_range("2014-03-01", periods=48, freq="h")
    rows = [
        (f"ann {n % 8}", f"Track, {(n % 8 + n // 8) % 7}", "" if n % 5 else 4.5, times[n]) for n in range(48)
    ]
    (tmp_path / "datasets").mkdir()
    pd.DataFrame(rows, columns=COLUMNS[1].split(",")).to_csv(tmp_path / "datasets" / "plays.csv", index=False)
    (tmp_path / "examples").mkdir()
    return Path(shutil.copy(EXAMPLE, tmp_path / "examples"))


def test_the_example_validates_and_its_data_are_read(example: Path, tmp_path: Path) -> None:
    assert main(["validate", str(example)]) == ExitCode.OK
    own, in_time = load_experiments(example).experiments
    dataset = load_dataset(own.data, tmp_path / "cache")
    assert (dataset.num_users, dataset.num_items, dataset.num_interactions) == (8, 7, 48)
    assert dataset.item_ids[0] == "Track, 0"
    assert load_dataset(in_time.data, tmp_path / "cache").split_fingerprint != dataset.split_fingerprint


def test_validate_names_the_missing_data_file(example: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (example.parents[1] / "datasets" / "plays.csv").unlink()
    assert main(["validate", str(example)]) == ExitCode.BAD_INPUT
    assert "plays.csv" in capsys.readouterr().err
