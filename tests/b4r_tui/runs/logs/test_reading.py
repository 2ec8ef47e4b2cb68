"""Searches, filters and levels of a document, beside the same done line by line."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from b4r_tui.runs.logs.levels import Level, LevelReader
from b4r_tui.runs.logs.matches import Filter
from b4r_tui.runs.logs.query import Query
from b4r_tui.runs.logs.reading import Page, Reading, Wish
from engine.contract.errors import B4RError

PARTS = [
    *(
        "ERROR",
        "Error: ",
        "WARNING ",
        "Traceback (most recent call last):",
        "  File x",
        "ValueError: bad",
        "level=warn",
    ),
    *(
        "W1125 10:00:00 ",
        "[rank0]: ",
        "[rank1]:[E1125 10:00:00.1 x] ",
        "loss",
        "Loss",
        "評価",
        "\x1b[31mERR\x1b[0mOR",
    ),
    *(
        "DEBUG ",
        "plain words",
        "\t",
        "\r",
        "50%\r60%",
        "K",
        "\u212a",
        " ",
        "",
        "terminate called",
        "\x9b1mERROR",
    ),
]
line_of_log = st.lists(st.sampled_from(PARTS), max_size=4).map("".join)
log_text = st.lists(line_of_log, max_size=40).map("\n".join)


def settled(reading: Reading, wish: Wish | None = None) -> Page:
    if wish:
        reading.wish(wish)
    while reading.work(0.0):
        pass
    return reading.page()


def texts(page: Page) -> list[str]:
    return [page.document.text(page.row_at(position)) for position in range(page.shown)]


def levels_one_by_one(page: Page) -> list[tuple[str, Level, bool]]:
    """(text, level, head) by row, each log read by itself."""
    readers: dict[int, LevelReader] = {}
    answer = []
    for row in range(page.count):
        text = page.document.text(row)
        answer.append((text, *readers.setdefault(page.document.place(row)[0], LevelReader()).read(text)))
    return answer


def write(folder: Path, *logs: str) -> list[Path]:
    paths = [folder / f"rank_{number}.log" for number in range(len(logs))]
    for path, log in zip(paths, logs, strict=True):
        with path.open("ab") as file:
            file.write(log.encode())
    return paths


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(log_text, log_text), max_size=3), st.sampled_from([0, 1, 2, 3]), st.booleans())
def test_levels_filters_and_searches_agree_with_reading_line_by_line(
    tmp_path_factory: pytest.TempPathFactory, parts: list[tuple[str, str]], number: int, is_regex: bool
) -> None:
    folder = tmp_path_factory.mktemp("logs")
    searched = Query(["loss", "Error", "k", r"R\b|\d%$"][number], is_regex)
    shown = Filter(
        [None, "rank 1"][number % 2], [Level.WARNING, Level.DEBUG][number // 2], Query("o", is_regex)
    )
    reading = Reading(lambda: sorted(folder.glob("*.log")))
    for pair in [("", ""), *parts]:
        write(folder, *pair)
        page = settled(reading, Wish(shown, searched))
    told = levels_one_by_one(page)
    expected = [
        row
        for row, (text, level, _) in enumerate(told)
        if level >= shown.level
        and "o" in text.lower()
        and shown.source in (None, f"rank {page.document.place(row)[0]}")
    ]
    assert page.rows is not None and page.rows.tolist() == expected
    assert page.hits.tolist() == [row for row in expected if searched.pattern.search(told[row][0])]
    heads = [row for row, (_, level, head) in enumerate(told) if head and level >= Level.ERROR]
    assert page.levels.heads(Level.ERROR).tolist() == heads


def test_a_large_log_is_searched_in_chunks_without_missing_a_line(tmp_path: Path) -> None:
    numbers = [random.Random(1).randrange(1000) for _ in range(60_000)]
    lines = [f"step {step} number {number}" for step, number in enumerate(numbers)]
    paths = write(tmp_path, "\n".join(lines) + "\n", "x" * 600_000 + "\nend")
    reading = Reading(lambda: paths)
    for query in (Query("number 77"), Query(r"number 77\d$", True), Query("Number 77")):
        page = settled(reading, Wish(searched=query))
        assert page.hits.tolist() == [row for row, line in enumerate(lines) if query.pattern.search(line)]
    assert page.count == 60_002
    assert (page.share_read, page.share_searched, page.share_filtered) == (1, 1, 1)


def test_a_search_is_given_up_for_another_one_at_the_next_step(tmp_path: Path) -> None:
    paths = write(tmp_path, "some line\n" * 300_000)
    reading = Reading(lambda: paths)
    reading.wish(Wish(searched=Query(r"never \d", True)))
    while reading.page().share_read < 1:
        reading.work(0.0)
    reading.work(0.0)
    assert reading.page().share_searched < 1
    assert settled(reading, Wish(searched=Query("other"))).wish.searched == Query("other")


def test_a_line_that_grows_changes_what_is_found(tmp_path: Path) -> None:
    paths = write(tmp_path, "first\n10%")
    reading = Reading(lambda: paths)
    wish = Wish(Filter(query=Query("0%")), Query("ERROR"))
    assert texts(settled(reading, wish)) == ["10%"]
    write(tmp_path, "\r90%")
    assert texts(settled(reading)) == ["90%"]
    write(tmp_path, " ERROR: 0 left\nlast")
    page = settled(reading)
    assert (texts(page), page.hits.tolist()) == (["90% ERROR: 0 left"], [1])
    assert page.levels.heads(Level.ERROR).tolist() == [1]
    write(tmp_path, " 0%")
    assert texts(settled(reading)) == ["90% ERROR: 0 left", "last 0%"]
    write(tmp_path, "\rover")
    assert texts(settled(reading)) == ["90% ERROR: 0 left"]


def test_logs_that_come_later_and_logs_that_are_replaced_are_read(tmp_path: Path) -> None:
    write(tmp_path, "a\n")
    reading = Reading(lambda: sorted(tmp_path.glob("*.log")))
    assert texts(settled(reading)) == ["a"]
    write(tmp_path, "b\n", "c\n")
    write(tmp_path, "d\n")
    page = settled(reading)
    assert (texts(page), page.document.names) == (["a", "b", "d", "c"], ["rank 0", "rank 1"])
    assert page.document.rows_of(0).tolist() == [0, 1, 2]
    (tmp_path / "rank_0.log").write_text("new\n")
    settled(reading)
    assert texts(settled(reading)) == ["new", "c"]


def test_a_query_minds_capitals_only_if_it_has_some() -> None:
    assert Query("loss").found_in("LOSS") and not Query("Loss").found_in("loss")
    assert Query(r"\Sx", True).any_case and Query("ärger").found_in("ÄRGER")
    assert list(Query("a|", True).spans("bab")) == [(1, 2)]
    with pytest.raises(B4RError, match="'\\(' is not a valid regular expression"):
        Query("(", True)
    assert re.escape("(") == Query("(").pattern.pattern
