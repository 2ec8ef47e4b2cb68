"""Reading logs that grow, whatever is in them."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from b4r_tui.runs.logs.tail import READ_AT_ONCE, LogTail
from b4r_tui.runs.logs.text import LONGEST_LINE


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "x.log"
    path.touch()
    return path


def add(path: Path, data: bytes) -> None:
    with path.open("ab") as file:
        file.write(data)


def test_only_whole_lines_come_and_the_rest_on_flush(log: Path) -> None:
    tail = LogTail(log)
    add(log, b"one\ntw")
    assert tail.poll() == ["one"]
    assert tail.poll() == []
    add(log, b"o\n\nthree")
    assert tail.poll() == ["two", ""]
    assert tail.flush() == ["three"]
    assert tail.flush() == []


def test_a_missing_file_is_an_empty_one_until_it_comes(tmp_path: Path) -> None:
    tail = LogTail(tmp_path / "later.log", last_lines=5)
    assert tail.poll() == []
    assert tail.drained
    add(tmp_path / "later.log", b"here\n")
    assert tail.poll() == ["here"]


@pytest.mark.parametrize(("wanted", "lines"), [(0, []), (1, ["c"]), (2, ["b", "c"]), (9, ["a", "b", "c"])])
@pytest.mark.parametrize("end", [b"\n", b""])
def test_the_last_lines_of_the_past(log: Path, wanted: int, lines: list[str], end: bytes) -> None:
    add(log, b"a\nb\nc" + end)
    tail = LogTail(log, last_lines=wanted)
    assert tail.poll() + tail.flush() == lines
    add(log, b"x\n")
    assert tail.poll() == ["x"]


def test_the_last_lines_of_a_large_file_are_found_from_its_end(log: Path) -> None:
    add(log, b"".join(b"line %d\n" % number for number in range(200_000)))
    lines = LogTail(log, last_lines=20_000).poll()
    assert (len(lines), lines[0], lines[-1]) == (20_000, "line 180000", "line 199999")


def test_truncation_and_replacement_start_anew(log: Path) -> None:
    tail = LogTail(log)
    add(log, b"first\nsecond\nhal")
    tail.poll()
    log.write_bytes(b"new\n")
    assert tail.poll() == ["new"]
    other = log.with_name("other")
    other.write_bytes(b"replaced by a longer file\n")
    other.replace(log)
    assert tail.poll() == ["replaced by a longer file"]


def test_control_characters_do_no_harm(log: Path) -> None:
    add(log, b"\x1b[31mred\x1b[0m\x1b]0;title\x07 \x1b[2J\x00\x07 a\tb \xe2\x80\xae \xc2\x9b2J\n")
    (line,) = LogTail(log).poll()
    odd = "\N{REPLACEMENT CHARACTER}"
    assert line == f"red {odd}{odd} a\tb {odd} ".expandtabs(8)
    assert all(character.isprintable() for character in line)


def test_a_progress_bar_shows_what_it_showed_last(log: Path) -> None:
    tail = LogTail(log)
    add(log, b"10%\r20%\r")
    assert tail.poll() == []
    add(log, b"30%\r")
    add(log, b"40%\r\nnext\r\n")
    assert tail.poll() == ["40%", "next"]


def test_torn_utf8_is_put_together(log: Path) -> None:
    tail, data = LogTail(log), "grüße 漢字 🎉\n".encode()
    lines: list[str] = []
    for byte in data:
        add(log, bytes([byte]))
        lines += tail.poll()
    assert lines == ["grüße 漢字 🎉"]


def test_broken_utf8_is_replaced(log: Path) -> None:
    add(log, b"caf\xe9\n")
    assert LogTail(log).poll() == ["caf\N{REPLACEMENT CHARACTER}"]


def test_a_very_long_line_is_cut_with_a_note(log: Path) -> None:
    add(log, b"x" * 10_000_000 + b"\nshort\n")
    tail, lines = LogTail(log), []
    while not tail.drained:
        lines += tail.poll()
    assert len(lines[0]) < LONGEST_LINE + 100
    assert lines[0].endswith("… (truncated: the line has 10,000,000 bytes)")
    assert lines[1:] == ["short"]
    assert READ_AT_ONCE < 10_000_000


@given(
    st.lists(st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp", "Cf"]), max_size=20)),
    st.data(),
)
def test_lines_survive_however_they_are_torn(lines: list[str], data: st.DataObject) -> None:
    whole = "".join(line + "\n" for line in lines).encode()
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=5)))
    with tempfile.TemporaryDirectory() as folder:
        log, read = Path(folder) / "x.log", []
        tail = LogTail(log)
        for start, end in zip([0, *cuts], [*cuts, len(whole)], strict=True):
            add(log, whole[start:end])
            read += tail.poll()
    assert read == lines
