"""Bad inputs: each gives one sentence that names file and line, or is read as documented."""

from __future__ import annotations

import gzip
import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from engine.contract import archives
from engine.contract.config.data import DataConfig
from engine.contract.errors import B4RError, ExitCode
from engine.data.load import load_dataset
from engine.data.readers import READERS

ML = b"1::10::5::100\n1::11::4::101\n2::10::3::102\n"
CSV = b"user,item,rating,timestamp\nann,x,5,100\nann,y,4,101\nbob,x,3,102\n"
LT = b"reviews[('7', 'ann')] = {'stars': 4.0, 'unixtime': 5}\n"
HUGE = "9" * 40

Make = Callable[[Path], None]


def file(name: str, content: bytes) -> Make:
    return lambda folder: (folder / name).write_bytes(content) and None


def parquet(**columns: object) -> Make:
    return lambda folder: pq.write_table(pa.table(columns), folder / "a.parquet")


def zipped(name: str, *members: tuple[str, bytes]) -> Make:
    def make(folder: Path) -> None:
        with zipfile.ZipFile(folder / name, "w", zipfile.ZIP_DEFLATED) as archive:
            for member, content in members:
                archive.writestr(member, content)

    return make


def encrypted(folder: Path) -> None:
    """A zip whose headers say that it is encrypted, which zipfile itself cannot write."""
    zipped("a.zip", ("a.csv", CSV))(folder)
    content = bytearray((folder / "a.zip").read_bytes())
    content[6] |= 1
    content[content.index(b"PK\x01\x02") + 8] |= 1
    (folder / "a.zip").write_bytes(content)


def torn_zip(folder: Path) -> None:
    zipped("a.zip", ("a.csv", CSV * 50))(folder)
    content = bytearray((folder / "a.zip").read_bytes())
    content[50:60] = b"0123456789"
    (folder / "a.zip").write_bytes(content)


def folder_for_a_file(folder: Path) -> None:
    (folder / "ratings.dat").mkdir()


def two_files(folder: Path) -> None:
    (folder / "a.csv").write_bytes(CSV)
    (folder / "b.tsv").write_bytes(CSV)


BOMB = bytes(8 << 20)  # packs at 1,000 : 1; the tests lower what is harmless

REFUSED: dict[str, tuple[str, Make, str]] = {
    "torn row": ("ml-1m", file("ratings.dat", ML + b"2::1"), r"ratings\.dat:4: expected user::item"),
    "torn row of one's own": (
        "csv",
        file("a.csv", CSV + b"bob"),
        r"a\.csv:5: expected 4 fields, found 1: 'bob'",
    ),
    "two rows in one": (
        "csv",
        file("a.csv", CSV + b"b,x,1,1b,y,1,1\n"),
        r"a\.csv:5: expected 4 fields, found 7",
    ),
    "torn .inter row": (
        "csv",
        file("a.inter", b"user_id:token\titem_id:token\n1\t2\n3\n"),
        r"a\.inter:3: expected 2 fields, found 1",
    ),
    "torn .txt row": ("csv", file("a.txt", b"1 2\n1 3\n1\n"), r"a\.txt:3: expected 2 fields, found 1: '1'"),
    "two spaces": ("csv", file("a.txt", b"1 2\n1  3\n"), r"a\.txt:2: expected 2 fields, found 3: '1  3'"),
    "latin-1": (
        "csv",
        file("a.csv", CSV + b"caf\xe9,x,1,1\n"),
        r"a\.csv:5: is not UTF-8 text; save the file as UTF-8",
    ),
    "utf-16": ("csv", file("a.csv", CSV.decode().encode("utf-16")), r"a\.csv:1: is not UTF-8 text"),
    "latin-1 header": ("csv", file("a.csv", b"user,item\xe9\n1,2\n"), r"a\.csv:1: is not UTF-8 text"),
    "latin-1 reviews": ("lt", file("reviews.txt", LT + b"\xe9\n"), r"reviews\.txt:2: is not UTF-8 text"),
    "nul in an id": ("csv", file("a.csv", CSV + b"a\x00,x,1,1\n"), r"a\.csv:5: .*(control|NUL|nul)"),
    "NaN user": (
        "csv",
        file("a.csv", CSV + b"nan,x,1,1\n"),
        r"a\.csv:5: user 'nan' is a missing value, not an id",
    ),
    "NULL item": ("csv", file("a.csv", CSV + b"bob,NULL,1,1\n"), r"a\.csv:5: item 'NULL' is a missing value"),
    "empty user": ("csv", file("a.csv", CSV + b",x,1,1\n"), r"a\.csv:5: user '' is empty"),
    "NaN id in numbers": (
        "ml-1m",
        file("ratings.dat", ML + b"nan::1::1::1"),
        r"dat:4: user 'nan' is not a whole",
    ),
    "negative id": ("ml-1m", file("ratings.dat", ML + b"-1::1::1::1"), r"dat:4: user '-1' is negative"),
    "huge id": (
        "ml-1m",
        file("ratings.dat", ML + f"1::{HUGE}::1::1".encode()),
        r"dat:4: item '9+' is too large",
    ),
    "endless id": (
        "csv",
        file("a.csv", CSV + b"u" * 5000 + b",x,1,1"),
        r"a\.csv:5: user 'u+\.\.\.' is longer than",
    ),
    "endless line": (
        "csv",
        file("a.csv", CSV + b"u" * (1 << 21)),
        r"a\.csv:5: is longer than any interaction",
    ),
    "NaN rating": ("csv", file("a.csv", CSV + b"bob,y,nan,1\n"), r"a\.csv:5: rating 'nan' is not a number"),
    "infinite rating": (
        "csv",
        file("a.csv", CSV + b"bob,y,1e999,1\n"),
        r"a\.csv:5: rating '1e999' is not a number",
    ),
    "decimal comma": (
        "csv",
        file("a.tsv", CSV.replace(b",", b"\t") + b"b\ty\t1,5\t1"),
        r"a\.tsv:5: rating '1,5'",
    ),
    "empty time": ("csv", file("a.csv", CSV + b"bob,y,1,\n"), r"a\.csv:5: timestamp '' is not a time"),
    "word for a time": (
        "csv",
        file("a.csv", CSV + b"bob,y,1,now\n"),
        r"a\.csv:5: timestamp 'now' is not a time",
    ),
    "dates after seconds": (
        "csv",
        file("a.csv", CSV + b"b,y,1,2014-03-01\n"),
        r"a\.csv:5: .* a date where .* number",
    ),
    "open quote": ("csv", file("a.csv", CSV + b'"bob,y,1,1\n'), r"a\.csv:5: cannot be split"),
    "empty file": ("ml-1m", file("ratings.dat", b""), r"ratings\.dat: has no interactions"),
    "empty own file": ("csv", file("a.csv", b""), r"a\.csv:1: the first line is empty"),
    "header alone": ("csv", file("a.csv", b"user,item\n"), r"a\.csv: has no interactions"),
    "empty reviews": ("lt", file("reviews.txt", b"reviews = {}\n"), r"reviews\.txt: has no interactions"),
    "missing header": (
        "csv",
        file("a.csv", b"1,2\n3,4\n"),
        r"a\.csv:1: no user column found among 1, 2",
    ),
    "strange header": (
        "csv",
        file("a.csv", b"user,what\n3,4\n"),
        r"a\.csv:1: no item column found",
    ),
    "two user columns": (
        "csv",
        file("a.csv", b"user,user_id,item\n1,2,3"),
        r"a\.csv:1: several user columns: user, user_id",
    ),
    "sequences": (
        "csv",
        file("a.inter", b"user_id:token\titem_id:token_seq\n1\t2 3\n"),
        r"a\.inter:1: .*sequences",
    ),
    "wrong header": (
        "ml-20m",
        file("ratings.csv", CSV),
        r"ratings\.csv:1: expected the header userId,movieId",
    ),
    "code for a review": (
        "lt",
        file("reviews.txt", LT + b"reviews[('1', 'a')] = __import__('os').abort()\n"),
        r"reviews\.txt:2: expected reviews",
    ),
    "comment among reviews": ("lt", file("reviews.txt", LT + b"# more"), r"reviews\.txt:2: expected reviews"),
    "two reviews in a line": (
        "lt",
        file("reviews.txt", LT.rstrip() + b"; " + LT),
        r"reviews\.txt:1: expected reviews",
    ),
    "nested review": ("lt", file("reviews.txt", LT + b"[" * 9999), r"reviews\.txt:2: expected reviews"),
    "torn review": ("lt", file("reviews.txt", LT + LT[:-9]), r"reviews\.txt:2: expected reviews"),
    "words for stars": (
        "lt",
        file("reviews.txt", LT + LT.replace(b"4.0", b"'x'")),
        r"txt:2: stars 'x' is not a number",
    ),
    "words for unixtime": (
        "lt",
        file("reviews.txt", LT + LT.replace(b"5}", b"'x'}")),
        r"txt:2: unixtime 'x' is not",
    ),
    "nobody's review": ("lt", file("reviews.txt", LT + LT.replace(b"ann", b"")), r"txt:2: user '' is empty"),
    "no such folder": (
        "csv",
        lambda folder: None,
        r"has no data file \(\.csv, \.tsv, \.inter, \.txt or \.parquet\)",
    ),
    "folder for a file": ("ml-1m", folder_for_a_file, r"ratings\.dat: is a folder, but the file"),
    "two files": ("csv", two_files, r"has a\.csv and b\.tsv; set data\.dataset_path to the one to read"),
    "gzip that is none": ("csv", file("a.csv.gz", CSV), r"a\.csv\.gz: damaged, or not an archive"),
    "torn gzip": ("csv", file("a.csv.gz", gzip.compress(CSV * 99)[:-20]), r"a\.csv\.gz: damaged"),
    "gzip bomb": ("csv", file("a.csv.gz", gzip.compress(CSV + BOMB)), r"a\.csv\.gz: unpacks to more than"),
    "zip bomb": ("csv", zipped("a.zip", ("a.csv", CSV + BOMB)), r"a\.zip: unpacks to more than"),
    "bomb among files": (
        "ml-1m",
        zipped("a.zip", ("ratings.dat", ML), ("b", BOMB)),
        r"a\.zip: unpacks to more",
    ),
    "zip that is none": ("csv", file("a.zip", CSV), r"a\.zip: damaged, or not an archive"),
    "torn zip": ("csv", torn_zip, r"a\.zip: damaged"),
    "encrypted zip": ("csv", encrypted, r"a\.zip: a\.csv is encrypted"),
    "empty zip": ("csv", zipped("a.zip"), r"a\.zip: contains none, but one data file"),
    "two in a zip": (
        "csv",
        zipped("a.zip", ("a.csv", CSV), ("b.csv", CSV)),
        r"a\.zip: contains a\.csv and b\.csv, but",
    ),
    ".. in a zip": (
        "csv",
        zipped("a.zip", ("../a.csv", CSV)),
        r"a\.zip: has a path outside the archive \('\.\./a",
    ),
    "absolute name": ("csv", zipped("a.zip", ("/etc/a.csv", CSV)), r"a\.zip: has a path outside the archive"),
    "drive letter": ("csv", zipped("a.zip", ("C:\\a.csv", CSV)), r"a\.zip: has a path outside the archive"),
    "bad line in a zip": (
        "csv",
        zipped("a.zip", ("d/a.csv", CSV + b"b")),
        r"a\.zip/d/a\.csv:5: expected 4 fields",
    ),
    "parquet that is none": ("csv", file("a.parquet", CSV), r"a\.parquet: cannot be read as parquet"),
    "parquet in a zip": ("csv", zipped("a.zip", ("a.parquet", CSV)), r"a\.parquet: parquet in an archive"),
    "null in parquet": ("csv", parquet(user=["a", None], item=[1, 2]), r"a\.parquet: row 2: user is missing"),
    "NaN in parquet": (
        "csv",
        parquet(user=["a", "nan"], item=[1, 2]),
        r"row 2: user is 'nan', which is a missing",
    ),
    "fractions for ids": (
        "csv",
        parquet(user=[1.5, 2.0], item=[1, 2]),
        r"user column has type double",
    ),
    "words for times": (
        "csv",
        parquet(user=[1, 2], item=[1, 2], time=["5", "x"]),
        r"row 2: timestamp is 'x', which",
    ),
    "no rows in parquet": (
        "csv",
        parquet(user=pa.array([], "int64"), item=pa.array([], "int64")),
        r"has 0 rows",
    ),
}

READ: dict[str, tuple[str, Make, list[list[object]]]] = {
    "Windows line ends": ("csv", file("a.csv", CSV.replace(b"\n", b"\r\n")), []),
    "old Mac line ends": ("csv", file("a.csv", CSV.replace(b"\n", b"\r")), []),
    "byte order mark": ("csv", file("a.csv", b"\xef\xbb\xbf" + CSV), []),
    "blank lines": ("csv", file("a.csv", CSV + b"\n  \n\n"), []),
    "no last line end": ("csv", file("a.csv", CSV.rstrip()), []),
    "spaces around": ("csv", file("a.csv", CSV.replace(b",", b" , ")), []),
    "quotes": ("csv", file("a.csv", CSV.replace(b"ann", b'"ann"')), []),
    "upper-case ending": ("csv", file("A.CSV", CSV), []),
    "gzip": ("csv", file("a.csv.gz", gzip.compress(CSV)), []),
    "zip with what macOS adds": ("csv", zipped("a.zip", ("a.csv", CSV), ("__MACOSX/._a.csv", b"x")), []),
    "a row twice": ("csv", file("a.csv", CSV + b"bob,x,3,102\n"), [["bob", "x", 3.0, 102]]),
    "negative id": ("csv", file("a.csv", CSV + b"-1,x,1,1\n"), [["-1", "x", 1.0, 1]]),
    "huge id": ("csv", file("a.csv", CSV + f"{HUGE},x,1,1".encode()), [[HUGE, "x", 1.0, 1]]),
    "time before 1970": ("csv", file("a.csv", CSV + b"bob,z,1,-5\n"), [["bob", "z", 1.0, -5]]),
    "one-item user": ("csv", file("a.csv", CSV + b"eve,z,1,1\n"), [["eve", "z", 1.0, 1]]),
}
ROWS = [["ann", "x", 5.0, 100], ["ann", "y", 4.0, 101], ["bob", "x", 3.0, 102]]


def config(name: str, folder: Path) -> DataConfig:
    return DataConfig(dataset_name=name, dataset_path=str(folder))


@pytest.fixture(autouse=True)
def small_bombs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "SAFE_SIZE", 4 << 20)


@pytest.mark.parametrize("case", REFUSED)
def test_each_bad_input_gets_one_sentence(case: str, tmp_path: Path) -> None:
    name, make, sentence = REFUSED[case]
    make(tmp_path)
    with pytest.raises(B4RError, match=sentence) as caught:
        READERS[name].fingerprint(config(name, tmp_path))
        READERS[name].read(config(name, tmp_path))
    said = caught.value.sentence
    assert caught.value.code is ExitCode.BAD_INPUT
    assert said.startswith(str(tmp_path))
    assert "\n" not in said and "; " in said and len(said) < len(str(tmp_path)) + 300


@pytest.mark.parametrize("case", READ)
def test_each_odd_input_is_read_as_documented(case: str, tmp_path: Path) -> None:
    name, make, more = READ[case]
    make(tmp_path)
    assert READERS[name].read(config(name, tmp_path)).to_numpy().tolist() == ROWS + more


def test_an_unknown_extension_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "plays.xlsx").write_bytes(CSV)
    with pytest.raises(B4RError, match=r"plays\.xlsx: unknown extension; use one of \.csv"):
        READERS["csv"].read(config("csv", tmp_path / "plays.xlsx"))


def test_no_code_in_reviews_is_run(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    code = f"reviews[('1', 'a')] = open({str(mark)!r}, 'w')\n"
    (tmp_path / "reviews.txt").write_text(code)
    with pytest.raises(B4RError):
        READERS["lt"].read(config("lt", tmp_path))
    assert not mark.exists()


def test_users_with_one_item_are_filtered_and_an_empty_result_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("".join(f"{user} {user}\n" for user in range(9)))
    with pytest.raises(B4RError, match="leave no interactions"):
        load_dataset(config("csv", tmp_path), tmp_path / "cache")


def test_an_archive_with_endless_names_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MOST_MEMBERS", 2)
    zipped("a.zip", *((f"{number}.csv", CSV) for number in range(3)))(tmp_path)
    with pytest.raises(B4RError, match=r"a\.zip: contains 3 files, too many for a data set"):
        READERS["csv"].read(config("csv", tmp_path))


def test_a_gzip_bomb_is_stopped_before_it_is_unpacked(tmp_path: Path) -> None:
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(bytes(64 << 20)))
    taken = io.BytesIO()
    with pytest.raises(B4RError), archives.opened_gzip(tmp_path / "a.csv.gz") as stream:
        while block := stream.read(1 << 20):
            taken.write(block)
    assert taken.tell() < 8 << 20
