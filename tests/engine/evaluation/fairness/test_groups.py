"""Groups from csv files, side files and popularity, and the errors for invalid files."""

import numpy as np
import pytest

from engine.contract.config.data import DataConfig
from engine.contract.errors import B4RError
from engine.evaluation.fairness.choose import item_groups, user_groups
from engine.evaluation.fairness.group_file import read_group_file
from engine.evaluation.fairness.groups import popularity_fifths
from engine.evaluation.fairness.side_files import age_group, has_side_file, read_side_file
from tests.builders import dataset_of

KNOWN = np.array(["7", "007", "b"])


def file_of(folder, text):
    path = folder / "groups.csv"
    path.write_text(text)
    return path


def test_a_csv_may_overlap_repeat_and_name_ids_that_the_data_lack(tmp_path):
    path = file_of(tmp_path, 'id,group\n7,red\n7,"dark, red"\n7,red\n007,red\n\nz,red\nz,lost\n')
    groups = read_group_file(path, KNOWN)
    assert groups.sizes == {"dark, red": 1, "lost": 0, "red": 2}
    assert (groups.unknown, groups.outside, groups.kind) == (1, 1, "groups.csv")
    assert groups.members.toarray().tolist() == [[1, 0, 0], [0, 0, 0], [1, 1, 0]]
    assert groups.among(np.array([1])).sizes == {"dark, red": 0, "lost": 0, "red": 1}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "the first line must be id,group"),
        ("user,group\n7,a\n", "begins with 'user,group'; the first line must be id,group"),
        ("id,group\n7,a,b\n", ":2: expected an id and a group"),
        ("id,group\n7,a\n7,\n", ":3: expected an id and a group"),
        ("id,group\nx,a\ny,a\n", "none of its 2 ids is in the data"),
    ],
)
def test_an_invalid_csv_is_an_error_of_one_sentence(tmp_path, text, sentence):
    with pytest.raises(B4RError) as caught:
        read_group_file(file_of(tmp_path, text), KNOWN)
    assert sentence in caught.value.sentence and "groups.csv" in caught.value.sentence
    assert "\n" not in caught.value.sentence


def test_a_csv_that_is_not_text_is_an_error(tmp_path):
    path = tmp_path / "groups.csv"
    path.write_bytes(b"id,group\n\xff\xfe,a\n")
    with pytest.raises(B4RError, match="cannot be read"):
        read_group_file(path, KNOWN)


def test_popularity_makes_fifths_of_equal_size_by_falling_count():
    groups = popularity_fifths(np.array([1, 9, 5, 5, 0, 7, 3, 2, 2, 4]))
    assert list(groups.sizes.values()) == [2, 2, 2, 2, 2]
    assert groups.members.toarray().argmax(axis=0).tolist() == [4, 0, 1, 1, 4, 0, 2, 3, 3, 2]


def test_without_side_files_popularity_is_chosen_and_a_typo_is_an_error():
    dataset, config = dataset_of([[0, 1, 2, 3], [1, 0, 1, 2]], 4), DataConfig(dataset_name="synthetic")
    assert user_groups(None, config, dataset).kind == item_groups(None, config, dataset).kind == "popularity"
    with pytest.raises(B4RError, match="gendre: not found; use genre, popularity or a csv"):
        item_groups("gendre", config, dataset)
    with pytest.raises(B4RError, match="synthetic has no file with gender"):
        user_groups("gender", config, dataset)


def test_movielens_1m_users_and_films_are_read(tmp_path):
    (tmp_path / "users.dat").write_text("1::F::1::10::48067\n2::M::56::16::70072\n")
    (tmp_path / "movies.dat").write_bytes("9::Caf\xe9 (1995)::Comedy|Drama\n".encode("latin-1"))
    folder, known = str(tmp_path), np.array(["1", "2"])
    assert read_side_file("ml-1m", folder, "gender", known).sizes == {"F": 1, "M": 1}
    assert read_side_file("ml-1m", folder, "age", known).sizes["56+"] == 1
    assert read_side_file("ml-1m", folder, "occupation", known).sizes == {
        "K-12 student": 1,
        "self-employed": 1,
    }
    genres = read_side_file("ml-1m", folder, "genre", np.array(["9"]))
    assert genres.sizes == {"Comedy": 1, "Drama": 1}


def test_movielens_20m_films_are_read(tmp_path):
    (tmp_path / "movies.csv").write_text('movieId,title,genres\n9,"Heat, The (1995)",Comedy|Drama\n')
    assert read_side_file("ml-20m", str(tmp_path), "genre", np.array(["9"])).sizes == {
        "Comedy": 1,
        "Drama": 1,
    }


def test_a_missing_or_wrong_side_file_is_an_error(tmp_path):
    assert not has_side_file("ml-100k", str(tmp_path), "gender")
    with pytest.raises(B4RError, match=r"u\.user: cannot be read"):
        read_side_file("ml-100k", str(tmp_path), "gender", KNOWN)
    (tmp_path / "u.user").write_text("1|24|M|technician|85711\n2|old|F|other|94043\n")
    with pytest.raises(B4RError, match="row 2 is not 5 valid fields"):
        read_side_file("ml-100k", str(tmp_path), "age", KNOWN)


def test_ages_fall_into_the_seven_groups():
    assert [age_group(years) for years in (7, 17, 18, 24, 25, 55, 56, 90)] == [
        "under 18",
        "under 18",
        "18-24",
        "18-24",
        "25-34",
        "50-55",
        "56+",
        "56+",
    ]
