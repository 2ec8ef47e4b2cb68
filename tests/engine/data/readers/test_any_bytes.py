"""Any bytes are read or give one sentence, and a file that is read has no bad line."""

from __future__ import annotations

import gzip
import io
import zipfile
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.contract.config.data import Columns, DataConfig
from engine.contract.errors import B4RError
from engine.data.readers import READERS
from engine.data.readers.custom_text import _first_problem, layout_of
from engine.data.readers.source_file import Source

FEW = settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
PIECES = ["\n", "\n", "\r", ",", ",", "\t", " ", '"', "'", "1", "07", "-3", "x", "é", "nan", "2.5", "1e5"]
PIECES += [
    "2014-03-01",
    "2014-03-01T00:00:00Z",
    "0x10",
    "+4",
    "\x00",
    "\ufeff",
    "user",
    "item",
    "rating",
    "time",
    ":",
]
TEXT = st.lists(st.sampled_from(PIECES), max_size=30).map("".join)
HEADERS = {
    "a.csv": "user,item,rating,time\n",
    "a.tsv": "user\titem\ttime\n",
    "a.inter": "user:token\titem:token\n",
}


def read(name: str, path: Path) -> pd.DataFrame | None:
    """The rows, or None for a file that gets its sentence."""
    config = DataConfig(dataset_name=name, dataset_path=str(path))  # type: ignore[arg-type]
    try:
        READERS[name].fingerprint(config)
        return READERS[name].read(config)
    except B4RError as error:
        assert str(path) in error.sentence and "\n" not in error.sentence
        return None


@FEW
@given(
    file_name=st.sampled_from([*HEADERS, "a.txt"]),
    text=TEXT,
    row=st.lists(st.sampled_from(PIECES), max_size=9),
)
def test_any_text_is_read_or_gives_an_error_and_both_readers_agree(
    tmp_path: Path, file_name: str, text: str, row: list[str]
) -> None:
    path = tmp_path / file_name
    path.write_bytes((HEADERS.get(file_name, "") + ",".join(row) + "\n" + text).encode())
    frame = read("csv", path)
    source = Source(path)
    if frame is not None:
        assert len(frame) and frame.drop(columns="rating").notna().all(axis=None)
        if '"' not in text and "0x10" not in text and "0x10" not in row:
            assert _first_problem(source, layout_of(source, Columns())) is None


@FEW
@given(
    name=st.sampled_from(["ml-100k", "ml-1m", "ml-20m", "lt", "csv"]),
    ending=st.sampled_from([".csv", ".parquet", ".zip", ".gz", ".txt", ".inter", ""]),
    content=st.binary(max_size=200),
)
def test_any_bytes_are_read_or_give_an_error(tmp_path: Path, name: str, ending: str, content: bytes) -> None:
    path = tmp_path / f"file{ending}"
    path.write_bytes(content)
    read(name, path)


def packed(ending: str) -> bytes:
    content = b"user,item,time\n" + b"".join(b"%d,%d,%d\n" % (n, n % 7, n * 31) for n in range(90))
    buffer = io.BytesIO()
    if ending == ".gz":
        return gzip.compress(content, mtime=0)
    if ending == ".zip":
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(zipfile.ZipInfo("a.csv"), content, zipfile.ZIP_DEFLATED)
    else:
        pd.read_csv(io.BytesIO(content)).to_parquet(buffer)
    return buffer.getvalue()


@FEW
@given(data=st.data(), ending=st.sampled_from([".gz", ".zip", ".parquet"]))
def test_a_damaged_archive_is_an_error(tmp_path: Path, data: st.DataObject, ending: str) -> None:
    content = bytearray(packed(ending))
    for place in data.draw(st.lists(st.integers(0, len(content) - 1), max_size=6)):
        content[place] ^= data.draw(st.integers(1, 255))
    cut = data.draw(st.integers(1, len(content)))
    path = tmp_path / f"a.csv{ending}"
    path.write_bytes(content[:cut])
    read("csv", path)


@pytest.mark.parametrize("ending", [".gz", ".zip", ".parquet"])
def test_a_sound_archive_is_read(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"a.csv{ending}"
    path.write_bytes(packed(ending))
    frame = read("csv", path)
    assert frame is not None and len(frame) == 90
