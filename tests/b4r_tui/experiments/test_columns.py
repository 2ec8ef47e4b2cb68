"""`data.columns` in an experiments file: checked where it is written, kept as it is in the run's own copy."""

from __future__ import annotations

import gzip
import zipfile
from pathlib import Path

import pandas as pd
import pytest
import tomli

from b4r_tui.experiments.file_problem import ExperimentFileError
from b4r_tui.experiments.load import load_experiments
from b4r_tui.runs.store import config_text
from engine.contract.config.experiment import Experiment

OWN = """
[experiments.own.data]
dataset_name = "csv"
dataset_path = "own.csv"
"""


def loaded(folder: Path, text: str) -> Experiment:
    (folder / "own.csv").touch()
    (folder / "experiments.toml").write_text(text)
    return load_experiments(folder / "experiments.toml").experiments[0]


def test_names_and_positions_survive_the_way_into_a_run(tmp_path: Path) -> None:
    own = loaded(tmp_path, OWN + 'columns = {user = "who", item = 1}\nmin_user_count = 3\n')
    again = Experiment.model_validate(tomli.loads(config_text(own)))
    assert again == own
    assert own.data.columns is not None
    assert (own.data.columns.user, own.data.columns.item) == ("who", 1)
    assert "columns" not in config_text(loaded(tmp_path, OWN))


@pytest.mark.parametrize(
    ("line", "key", "sentence"),
    [
        ("columns = {user = -1}", "data.columns.user", "-1 is not a valid column"),
        ("columns = {user = ''}", "data.columns.user", "'' is not a valid column"),
        ("columns = {user = 1.5}", "data.columns.user", "1.5"),
        ("columns = {user = 1, item = 1}", "data.columns.item", "1 is already the user column"),
        ("columns = {usr = 1}", "data.columns.usr", "unknown key; did you mean 'user'?"),
        ("columns = 3", "data.columns", "3 is not a table"),
    ],
)
def test_a_wrong_column_is_told_with_its_key_and_line(
    tmp_path: Path, line: str, key: str, sentence: str
) -> None:
    with pytest.raises(ExperimentFileError) as caught:
        loaded(tmp_path, OWN + line)
    (problem,) = caught.value.problems
    assert problem.key == f"experiments.own.{key}"
    assert sentence in problem.sentence and problem.line == 5


def test_data_sets_with_columns_of_their_own_have_none_to_name(tmp_path: Path) -> None:
    text = OWN.replace('"csv"', '"synthetic"') + "columns = {user = 1}\n"
    with pytest.raises(ExperimentFileError, match="synthetic has fixed columns"):
        loaded(tmp_path, text)


def packed(folder: Path, name: str) -> None:
    """own data with the columns listener, track and stars, in the format of the file's name."""
    path = folder / name
    text = "listener,track,stars\nann,Help!,4\n"
    if name.endswith(".parquet"):
        pd.DataFrame([["ann", "Help!", 4]], columns=["listener", "track", "stars"]).to_parquet(path)
    elif name.endswith(".gz"):
        path.write_bytes(gzip.compress(text.encode()))
    elif name.endswith(".zip"):
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("in/own.csv", text)
    elif name.endswith(".inter"):
        path.write_text("listener:token\ttrack:token\tstars:float\nann\tHelp!\t4\n")
    else:
        path.write_text("\ufeff" + text.replace("\n", "\r\n"), newline="", encoding="utf-8")


@pytest.mark.parametrize("name", ["own.csv", "own.csv.gz", "own.zip", "own.inter", "own.parquet"])
@pytest.mark.parametrize(
    ("line", "key", "sentence"),
    [
        (
            'columns = {user = "listener", item = "trak"}',
            "item",
            "has no column 'trak' (columns: listener, track, stars); did you mean 'track'?",
        ),
        ('columns = {user = "listener", item = "track", rating = "x"}', "rating", "; name one of them"),
        ("columns = {user = 0, item = 3}", "item", "has 3 columns, none at position 3 (counted from 0)"),
    ],
)
def test_a_column_that_the_file_lacks_is_told_before_anything_starts(
    tmp_path: Path, name: str, line: str, key: str, sentence: str
) -> None:
    packed(tmp_path, name)
    path = tmp_path / "experiments.toml"
    path.write_text(OWN.replace("own.csv", name) + line)
    with pytest.raises(ExperimentFileError) as caught:
        load_experiments(path)
    (problem,) = caught.value.problems
    assert (problem.key, problem.line) == (f"experiments.own.data.columns.{key}", 5)
    assert sentence in problem.sentence and str(tmp_path / name) in problem.sentence
    path.write_text(
        OWN.replace("own.csv", name) + 'columns = {user = "listener", item = "track", rating = 2}'
    )
    load_experiments(path)


def test_a_split_by_time_of_data_without_times_is_refused(tmp_path: Path) -> None:
    text = OWN.replace('"csv"', '"synthetic"') + 'split = "temporal"\n'
    with pytest.raises(ExperimentFileError) as caught:
        loaded(tmp_path, text)
    (problem,) = caught.value.problems
    assert (problem.key, problem.line) == ("experiments.own.data.split", 5)
    assert "has no timestamps" in problem.sentence
