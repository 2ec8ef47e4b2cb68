"""Text formats: what is read, and the one sentence for a bad file."""

import pytest

from engine.contract.config.data import DataConfig
from engine.contract.errors import B4RError, ExitCode
from engine.data.readers import READERS

GOOD = b"1::10::5::100\n1::11::4::101\n2::10::3::102\n"
ROWS = [[1, 10, 5, 100], [1, 11, 4, 101], [2, 10, 3, 102]]
HEADER = b"userId,movieId,rating,timestamp\n"
FILES = {"ml-100k": "u.data", "ml-1m": "ratings.dat", "ml-20m": "ratings.csv"}


def read(name, folder):
    return READERS[name].read(DataConfig(dataset_name=name, dataset_path=str(folder)))


def written(folder, content, name="ml-1m"):
    (folder / FILES[name]).write_bytes(content)
    return folder


@pytest.mark.parametrize(
    "name, content",
    [
        ("ml-100k", GOOD.replace(b"::", b"\t")),
        ("ml-1m", GOOD),
        ("ml-20m", HEADER + GOOD.replace(b"::", b",")),
    ],
)
def test_each_format_gives_the_same_table(tmp_path, name, content):
    frame = read(name, written(tmp_path, content, name))
    assert list(frame.columns) == ["user", "item", "rating", "timestamp"]
    assert frame.to_numpy().tolist() == ROWS


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"\xef\xbb\xbf" + GOOD, id="byte order mark"),
        pytest.param(GOOD.replace(b"\n", b"\r\n"), id="Windows line ends"),
        pytest.param(GOOD.rstrip(b"\n"), id="no last line end"),
        pytest.param(b"\n" + GOOD + b"\n  \n", id="blank lines"),
        pytest.param(GOOD.replace(b"1::10", b" 01::10 "), id="spaces and leading zeros"),
    ],
)
def test_harmless_oddities_are_read(tmp_path, content):
    assert read("ml-1m", written(tmp_path, content)).to_numpy().tolist() == ROWS


def test_half_stars_and_times_before_1970_are_read(tmp_path):
    frame = read("ml-20m", written(tmp_path, HEADER + b"1,2,3.5,-7\r\n", "ml-20m"))
    assert frame.to_numpy().tolist() == [[1, 2, 3.5, -7]]


def test_a_row_twice_is_two_interactions(tmp_path):
    assert len(read("ml-1m", written(tmp_path, GOOD + GOOD))) == 6


def test_dataset_path_may_be_the_file_itself(tmp_path):
    written(tmp_path, GOOD).joinpath("ratings.dat").rename(tmp_path / "mine.txt")
    assert len(read("ml-1m", tmp_path / "mine.txt")) == 3


BAD_LINES = {
    b"1::2": "expected user::item::rating::timestamp, found '1::2'",
    b"1::2::3::4::5": "expected user::item::rating::timestamp",
    b"1::2::3::4::": "expected user::item::rating::timestamp",
    b"1::2::3::4:": "timestamp '4:' is not a whole number",
    b"1:9:2::3::4": "expected user::item::rating::timestamp",
    b"1::2::3::41::2::3::4": "expected user::item::rating::timestamp",
    b"1::2::3::": "timestamp '' is not a whole number",
    b"anna::2::3::4": "user 'anna' is not a whole number",
    b"1.0::2::3::4": "user '1.0' is not a whole number",
    b"True::2::3::4": "user 'True' is not a whole number",
    b'"1"::2::3::4': "user '\"1\"' is not a whole number",
    b"-1::2::3::4": "user '-1' is negative",
    b"1::-2::3::4": "item '-2' is negative",
    b"1::99999999999999999999::3::4": "item '99999999999999999999' is too large, beyond 64 bits",
    b"1::2::nan::4": "rating 'nan' is not a number",
    b"1::2::inf::4": "rating 'inf' is not a number",
    b"1::2::::4": "rating '' is not a number",
    b"1::2::4,5::4": "rating '4,5' is not a number",
    b"1::2::3::4.5": "timestamp '4.5' is not a whole number",
    b"1::\xff::3::4": "item '\ufffd' is not a whole number",
    b"1::2\x00::3::4": r"item '2\x00' is not a whole number",
    b"# rows": "expected user::item::rating::timestamp, found '# rows'",
    b"x" * 200_000: "expected user::item::rating::timestamp, found 'xxx",
}


@pytest.mark.parametrize("before", [0, 3, 20_000])
@pytest.mark.parametrize("line, problem", BAD_LINES.items(), ids=[line[:20].hex() for line in BAD_LINES])
def test_a_bad_line_is_named(tmp_path, line, problem, before):
    folder = written(tmp_path, (GOOD * before)[: len(GOOD) // 3 * before] + line + b"\n" + GOOD)
    with pytest.raises(B4RError) as caught:
        read("ml-1m", folder)
    assert caught.value.code is ExitCode.BAD_INPUT
    assert caught.value.sentence.startswith(f"{folder / 'ratings.dat'}:{before + 1}: {problem}")
    assert caught.value.sentence.endswith("; fix or remove the line")
    assert len(caught.value.sentence) < len(str(folder)) + 250


def test_a_column_of_truth_values_is_no_column_of_numbers(tmp_path):
    with pytest.raises(B4RError, match=r"ratings\.dat:1: rating 'True' is not a number"):
        read("ml-1m", written(tmp_path, b"1::2::True::4\n" * 5))


@pytest.mark.parametrize(
    "content, sentence",
    [
        (b"", "has no interactions; download MovieLens 20M again"),
        (HEADER, "has no interactions"),
        (b"1,2,3,4\n", ":1: expected the header userId,movieId,rating,timestamp, found '1,2,3,4'; add it"),
        (HEADER + b"1,2,3,4\n1,2,3\n", ":3: expected user,item,rating,timestamp, found '1,2,3'"),
        (b"PK\x03\x04" + bytes(range(256)), ":1: expected the header"),
    ],
)
def test_a_bad_csv_gets_a_sentence(tmp_path, content, sentence):
    with pytest.raises(B4RError) as caught:
        read("ml-20m", written(tmp_path, content, "ml-20m"))
    assert sentence in caught.value.sentence
    assert "\n" not in caught.value.sentence


def test_a_missing_folder_or_file_is_named_with_what_is_expected(tmp_path):
    with pytest.raises(
        B4RError, match=r"data\.dataset_path not found: .*nowhere; put u\.data of MovieLens 100K there"
    ):
        read("ml-100k", tmp_path / "nowhere")
    with pytest.raises(B4RError, match=r"has no u\.data; put u\.data of MovieLens 100K there"):
        read("ml-100k", tmp_path)
    with pytest.raises(B4RError, match=r"data\.dataset_path is missing; .* MovieLens 100K's u\.data"):
        READERS["ml-100k"].read(DataConfig(dataset_name="ml-100k"))


def test_a_folder_in_place_of_the_file_is_named(tmp_path):
    (tmp_path / "u.data").mkdir()
    with pytest.raises(B4RError, match=r"u\.data: is a folder, but the file u\.data .* is expected"):
        read("ml-100k", tmp_path)


def test_a_file_that_the_system_refuses_is_named(tmp_path, monkeypatch):
    folder = written(tmp_path, GOOD)

    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.open", refuse)
    for method in ("read", "fingerprint"):
        with pytest.raises(B4RError, match=r"ratings\.dat: cannot be read \(Permission denied\)"):
            getattr(READERS["ml-1m"], method)(DataConfig(dataset_name="ml-1m", dataset_path=str(folder)))
