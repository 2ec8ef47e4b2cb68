"""Custom data: every format, every way to assign columns, and ids that stay unchanged."""

from __future__ import annotations

import csv
import datetime
import gzip
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.contract.config.data import Columns, DataConfig
from engine.contract.errors import B4RError
from engine.data.load import load_dataset
from engine.data.readers import READERS
from engine.data.readers.cells import id_fault

ROWS = [["ann", 7, 5.0, 100], ["ann", 8, 4.0, 101], ["bob", 7, 3.0, 102]]
FRAME = pd.DataFrame(ROWS, columns=["who", "what", "liked", "when"])


def config(path: Path, columns: dict[str, int | str] | None = None, **more: float) -> DataConfig:
    chosen = Columns.model_validate(columns) if columns is not None else None
    return DataConfig(dataset_name="csv", dataset_path=str(path), columns=chosen, **more)


def read(path: Path, columns: dict[str, int | str] | None = None, **more: float) -> pd.DataFrame:
    return READERS["csv"].read(config(path, columns, **more))


def as_csv(path: Path, frame: pd.DataFrame) -> None:
    frame.to_csv(path, index=False)


def as_tsv(path: Path, frame: pd.DataFrame) -> None:
    frame.to_csv(path, index=False, sep="\t")


def as_inter(path: Path, frame: pd.DataFrame) -> None:
    typed = {name: f"{name}:{'float' if frame[name].dtype.kind in 'if' else 'token'}" for name in frame}
    frame.rename(columns=typed).to_csv(path, index=False, sep="\t")


def as_parquet(path: Path, frame: pd.DataFrame) -> None:
    frame.to_parquet(path)


WRITERS: dict[str, Callable[[Path, pd.DataFrame], None]] = {
    "a.csv": as_csv,
    "a.tsv": as_tsv,
    "a.inter": as_inter,
    "a.parquet": as_parquet,
}
NAMED = {"user": "who", "item": "what", "rating": "liked", "timestamp": "when"}
USUAL = {"who": "user_id", "what": "ItemID", "liked": "stars", "when": "unixTime"}


@pytest.mark.parametrize("name", WRITERS)
def test_columns_are_found_by_name_position_or_usual_name(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    WRITERS[name](path, FRAME)
    assert read(path, NAMED).to_numpy().tolist() == ROWS
    WRITERS[name](path, FRAME.rename(columns=USUAL))
    assert read(path).to_numpy().tolist() == ROWS
    assert read(path, {"user": 0, "item": 1, "rating": 2, "timestamp": 3}).to_numpy().tolist() == ROWS
    assert read(path, {"item": "user_id", "user": "ItemID"})["user"].tolist() == [7, 8, 7]


def test_positions_need_no_header_and_count_from_0(tmp_path: Path) -> None:
    FRAME[["when", "what", "who"]].to_csv(tmp_path / "a.csv", index=False, header=False)
    frame = read(tmp_path, {"user": 2, "item": 1, "timestamp": 0})
    assert frame[["user", "item", "timestamp"]].to_numpy().tolist() == [[u, i, t] for u, i, _, t in ROWS]
    with pytest.raises(
        B4RError, match=r"a\.csv:1: position 3 .* there are 3 columns; fix data\.columns\.user"
    ):
        read(tmp_path, {"user": 3, "item": 1})


def test_plain_lines_of_user_and_item_are_in_time_order(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("5 2\n5 1\n3 2\n5 0\n")
    frame = read(tmp_path)
    assert list(frame) == ["user", "item", "rating"], "an order, but no times"
    assert frame[["user", "item"]].to_numpy().tolist() == [[5, 2], [5, 1], [3, 2], [5, 0]]
    assert frame["rating"].isna().all()
    dataset = load_dataset(
        DataConfig(dataset_name="csv", dataset_path=str(tmp_path), min_user_count=1), tmp_path / "cache"
    )
    assert dataset.item_ids[dataset.items].tolist() == ["2", "2", "1", "0"]
    (tmp_path / "a.txt").write_text("user\titem\n5\t2\n")
    assert read(tmp_path)[["user", "item"]].to_numpy().tolist() == [[5, 2]]


def test_a_name_that_is_not_there_gets_the_nearest(tmp_path: Path) -> None:
    as_csv(tmp_path / "a.csv", FRAME)
    with pytest.raises(
        B4RError, match=r"a\.csv:1: has no column 'waht' for data\.columns\.item; did you mean 'what'"
    ):
        read(tmp_path, {"user": "who", "item": "waht"})
    with pytest.raises(B4RError, match=r"'what' is both user and item; fix data\.columns\.user"):
        read(tmp_path, {"user": "what", "item": 1})


def test_ids_are_numbers_only_where_nothing_is_lost(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("user,item\n1,07\n2,7\n10,7\n")
    frame = read(path)
    assert frame["user"].tolist() == [1, 2, 10] and frame["user"].dtype == np.int64
    assert frame["item"].tolist() == ["07", "7", "7"]


def test_string_ids_come_back_out(tmp_path: Path) -> None:
    rows = [(user, item) for user in ("zoë", "ann b") for item in ("A1", "007", "7", "ü")]
    pd.DataFrame(rows, columns=["user", "item"]).to_csv(tmp_path / "a.csv", index=False)
    dataset = load_dataset(
        DataConfig(dataset_name="csv", dataset_path=str(tmp_path), min_user_count=1), tmp_path / "cache"
    )
    assert dataset.user_ids.tolist() == ["ann b", "zoë"]
    assert dataset.item_ids.tolist() == ["007", "7", "A1", "ü"]
    assert dataset.item_ids[dataset.items].tolist() == ["A1", "007", "7", "ü"] * 2


def test_dates_are_seconds(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("user,item,date\n1,1,2014-03-01\n1,2,2014-03-01 12:00:00\n1,3,2014-03-01T12:00:01\n")
    seconds = [1393632000, 1393675200, 1393675201]
    assert read(path)["timestamp"].tolist() == seconds
    path.write_text("user,item,date\n1,1,2014-03-01T01:00:00+01:00\n1,2,2014-03-01T12:00:00Z\n")
    assert read(path)["timestamp"].tolist() == seconds[:2]
    moments = [datetime.datetime.fromtimestamp(each, datetime.timezone.utc) for each in seconds]
    as_parquet(tmp_path / "b.parquet", pd.DataFrame({"user": 1, "item": [1, 2, 3], "date": moments}))
    assert read(tmp_path / "b.parquet")["timestamp"].tolist() == seconds


@pytest.mark.parametrize("name", WRITERS)
def test_fractions_of_seconds_are_preserved_and_integral_floats_become_integers(
    tmp_path: Path, name: str
) -> None:
    frame = pd.DataFrame({"user": 1, "item": [1, 2], "time": [1.5, 1.25]})
    WRITERS[name](tmp_path / name, frame)
    assert read(tmp_path / name)["timestamp"].tolist() == [1.5, 1.25]
    WRITERS[name](tmp_path / name, frame.assign(time=[3.0, 4.0]))
    assert read(tmp_path / name)["timestamp"].dtype == np.int64


def test_unrated_rows_stay_unless_a_minimum_is_set(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("user,item,rating\n" + "".join(f"1,{i},\n1,{i},4\n" for i in range(6)))

    def rows(minimum: float) -> int:
        return load_dataset(config(tmp_path, min_rating=minimum), tmp_path / "cache").num_interactions

    assert (rows(0.0), rows(1.0)) == (12, 6)
    (tmp_path / "a.csv").write_text("user,item\n1,2\n")
    with pytest.raises(B4RError, match=r"has no ratings to compare with min_rating = 1; .* or data\.columns"):
        read(tmp_path, min_rating=1.0)


def test_packing_a_file_changes_no_fingerprint_and_other_columns_do(tmp_path: Path) -> None:
    as_csv(tmp_path / "a.csv", FRAME)
    content = (tmp_path / "a.csv").read_bytes()
    (tmp_path / "b.csv.gz").write_bytes(gzip.compress(content))
    with zipfile.ZipFile(tmp_path / "c.zip", "w") as archive:
        archive.writestr("deep/a.csv", content)

    def fingerprint(name: str, **columns: str) -> str:
        return READERS["csv"].fingerprint(config(tmp_path / name, {"user": "who", "item": "what"} | columns))

    assert len({fingerprint(name) for name in ("a.csv", "b.csv.gz", "c.zip")}) == 1
    assert fingerprint("a.csv", timestamp="when") != fingerprint("a.csv")
    assert read(tmp_path / "c.zip", NAMED).to_numpy().tolist() == ROWS


def test_movielens_is_read_from_the_zip_as_downloaded(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "ml-1m.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("ml-1m/users.dat", "1::F::1")
        archive.writestr("ml-1m/ratings.dat", "1::10::5::100\n1::11::4::101\n")
    for path in (tmp_path, tmp_path / "ml-1m.zip"):
        frame = READERS["ml-1m"].read(DataConfig(dataset_name="ml-1m", dataset_path=str(path)))
        assert frame.to_numpy().tolist() == [[1, 10, 5, 100], [1, 11, 4, 101]]


IDS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), min_size=1, max_size=8).filter(
    lambda text: text.strip() == text and not id_fault(text)
)


@given(rows=st.lists(st.tuples(IDS, IDS), min_size=1, max_size=20))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_id_that_is_one_comes_through_a_csv(tmp_path: Path, rows: list[tuple[str, str]]) -> None:
    path = tmp_path / "a.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("user", "item"), *rows])
    frame = read(path)
    assert list(zip(frame["user"].astype(str), frame["item"].astype(str), strict=True)) == rows


@pytest.mark.data
def test_beauty_is_read_completely(data_dir: Path) -> None:
    frame = read(data_dir / "beauty")
    expected = pd.read_csv(data_dir / "beauty" / "beauty.txt", sep=" ", names=["user", "item"])
    assert frame[["user", "item"]].equals(expected)
    assert (len(frame), frame["user"].nunique(), frame["item"].nunique()) == (353_962, 40_226, 54_542)
