"""The index gives the lines that reading the file from its start would give."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from b4r_tui.runs.logs import index as module
from b4r_tui.runs.logs.index import LineIndex
from b4r_tui.runs.logs.text import LONGEST_LINE, OpenLine
from tests.b4r_tui.runs.logs.test_text import nasty


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "rank_0.log"
    path.touch()
    return path


def add(path: Path, data: bytes) -> None:
    with path.open("ab") as file:
        file.write(data)


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def grown(index: LineIndex) -> LineIndex:
    while index.grow():
        pass
    return index


def lines_of(index: LineIndex) -> list[tuple[bytes, int]]:
    return [index.line(number) for number in range(index.count)]


def by_reading(data: bytes) -> list[tuple[bytes, int]]:
    line = OpenLine()
    lines = line.feed(data)
    return lines + ([line.take()] if data and not data.endswith(b"\n") else [])


@settings(max_examples=200, deadline=None)
@given(pieces=st.lists(nasty, max_size=4), block=st.sampled_from([1 << 12, 1 << 22]))
def test_it_grows_with_the_file_to_the_lines_that_reading_gives(
    tmp_path_factory: pytest.TempPathFactory, pieces: list[bytes], block: int
) -> None:
    path = tmp_path_factory.mktemp("log") / "x.log"
    path.touch()
    index = LineIndex(path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "BLOCK", block)
        for end in range(len(pieces)):
            add(path, pieces[end])
            assert lines_of(grown(index)) == by_reading(b"".join(pieces[: end + 1]))
    assert not index.replaced


def test_lines_are_found_across_blocks_and_read_alone(log: Path) -> None:
    lines = [b"line %d" % number for number in range(700_000)]
    log.write_bytes(b"\n".join(lines))
    index = LineIndex(log)
    assert index.grow() and 0 < index.count < len(lines) and not index.drained
    grown(index)
    assert (index.count, index.complete, index.drained) == (700_000, 699_999, True)
    assert [index.line(number)[0] for number in (0, 400_000, 699_999)] == [
        b"line 0",
        b"line 400000",
        b"line 699999",
    ]
    starts = index.bounds(10, 13)[:, 0]
    assert starts.tolist() == np.cumsum([0, *(len(line) + 1 for line in lines)])[10:13].tolist()


def test_a_line_of_ten_megabytes_is_kept_in_part_only(log: Path) -> None:
    add(log, b"\r".join(b"%d%%" % step + b"." * 1000 for step in range(10_000)) + b"\r\n" + b"y" * 10_000_000)
    index = grown(LineIndex(log))
    assert index.line(0) == (b"9999%" + b"." * 1000, 1005)
    assert index.line(1) == (b"y" * LONGEST_LINE, 10_000_000)


@pytest.mark.parametrize("new", [b"", b"other\nlines\nmore of them\n", b"one\nXXX\nthree\n"])
def test_a_file_truncated_or_written_anew_is_noticed(log: Path, new: bytes) -> None:
    add(log, b"one\ntwo\n")
    index = grown(LineIndex(log))
    log.write_bytes(new)
    assert not index.grow() and index.replaced
    assert index.count == 2  # what was known stays readable, or empty, until a new index is made
    assert [len(line) for line, _ in lines_of(index)] in ([3, 3], [0, 0], [3, 1])


def test_another_file_in_its_place_is_noticed_and_a_missing_one_waited_for(log: Path) -> None:
    add(log, b"one\n")
    index = grown(LineIndex(log))
    log.unlink()
    assert not index.grow() and not index.replaced
    assert lines_of(index) == [(b"one", 3)]
    add(log, b"one\nmore\n")
    assert not index.grow() and index.replaced


def test_its_file_is_closed_with_it(log: Path) -> None:
    before = open_files()
    index = LineIndex(log)
    assert open_files() == before + 1
    del index
    assert open_files() == before
