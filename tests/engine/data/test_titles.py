"""Titles from the files that MovieLens ships, in each format."""

import pytest

from engine.contract.config.data import DataConfig
from engine.contract.errors import B4RError
from engine.data.titles import read_titles

ROW_100K = "|".join(["1", "Amélie (2001)", "date", "", "url", *"0100000000000000000"])


@pytest.mark.parametrize(
    ("dataset", "name", "text", "encoding"),
    [
        ("ml-100k", "u.item", ROW_100K + "\n", "latin-1"),
        ("ml-1m", "movies.dat", "1::Amélie (2001)::Comedy|Romance\n", "latin-1"),
        ("ml-20m", "movies.csv", 'movieId,title,genres\n1,"Amélie (2001)",Comedy\n', "utf-8"),
    ],
)
def test_titles_are_read_in_each_form(tmp_path, dataset, name, text, encoding):
    (tmp_path / name).write_bytes(text.encode(encoding))
    config = DataConfig(dataset_name=dataset, dataset_path=str(tmp_path))
    assert read_titles(config) == {"1": "Amélie (2001)"}


def test_data_without_titles_have_none(tmp_path):
    assert read_titles(DataConfig(dataset_name="ml-1m", dataset_path=str(tmp_path))) == {}
    assert read_titles(DataConfig(dataset_name="synthetic")) == {}


def test_a_damaged_file_is_an_error_with_its_row(tmp_path):
    (tmp_path / "movies.dat").write_text("1::One::Comedy\n2::Two\n")
    with pytest.raises(B4RError, match=r"movies.dat: row 2 is not 3 valid fields"):
        read_titles(DataConfig(dataset_name="ml-1m", dataset_path=str(tmp_path)))
