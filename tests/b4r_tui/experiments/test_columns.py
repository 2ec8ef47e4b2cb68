"""`data.columns` in an experiments file: checked where it is written, kept as it is in the run's own copy."""

from __future__ import annotations

from pathlib import Path

import pytest
import tomli

from b4r_tui.experiments.load import load_experiments
from b4r_tui.experiments.problem import ExperimentFileError
from b4r_tui.runs.store import config_text
from engine.config import Experiment

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
        ("columns = {user = -1}", "data.columns.user", "-1 is no column"),
        ("columns = {user = ''}", "data.columns.user", "'' is no column"),
        ("columns = {user = 1.5}", "data.columns.user", "1.5"),
        ("columns = {user = 1, item = 1}", "data.columns.item", "1 is the user already"),
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
    with pytest.raises(ExperimentFileError, match="synthetic has columns of its own"):
        loaded(tmp_path, text)
