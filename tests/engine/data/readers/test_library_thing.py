"""LibraryThing: real lines are read, missing fields are counted, and a data set is prepared from them."""

from __future__ import annotations

import logging
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.contract.config.data import DataConfig
from engine.data.dataset import FunnelStep
from engine.data.load import load_dataset
from engine.data.readers import READERS
from engine.data.readers.interface import dropped
from engine.data.readers.library_thing import parse_review

LINES = r"""reviews = {}
reviews[('111', 'bookworm')] = {'comment': "An \d odd 'one'", 'nhelpful': 0, 'unixtime': 1194393600, 'work': '111', 'flags': [], 'user': 'bookworm', 'stars': 5.0, 'time': 'Nov 7, 2007'}
reviews[('2222', 'anna_k')] = {'comment': 'no stars', 'nhelpful': 0, 'unixtime': 1365292800, 'work': '2222', 'flags': [], 'user': 'anna_k', 'time': 'Apr 7, 2013'}

reviews[('33333', 'bookworm')] = {'comment': 'no time', 'nhelpful': 0, 'work': '33333', 'flags': ['not_a_review'], 'user': 'bookworm', 'stars': 3.5}
reviews[('33333', 'anna_k')] = {'unixtime': 1365292800, 'stars': None, 'time': ''}
"""  # noqa: E501


def config(folder: Path, **settings: float) -> DataConfig:
    return DataConfig(dataset_name="lt", dataset_path=str(folder), **settings)


def test_reviews_are_read_and_those_without_a_time_counted(tmp_path: Path) -> None:
    (tmp_path / "reviews.txt").write_text(LINES)
    frame = READERS["lt"].read(config(tmp_path))
    assert frame["user"].tolist() == ["bookworm", "anna_k", "anna_k"]
    assert frame["item"].tolist() == [111, 2222, 33333]
    assert frame["timestamp"].tolist() == [1194393600, 1365292800, 1365292800]
    assert frame["rating"].fillna(-1).tolist() == [5.0, -1.0, -1.0]
    assert dropped(frame) == {"without unixtime": 1}


def test_dropped_rows_are_logged_and_missing_stars_mean_unrated(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    timed = "".join(f"reviews[('{work}', 'ann')] = {{'unixtime': {work}}}\n" for work in range(6))
    rated = "".join(
        f"reviews[('{work}', 'bob')] = {{'unixtime': {work}, 'stars': 4.5}}\n" for work in range(6)
    )
    (tmp_path / "reviews.txt").write_text(timed + rated + LINES)
    with caplog.at_level(logging.WARNING, "engine"):
        everyone = load_dataset(config(tmp_path), tmp_path / "cache")
    assert "lt: dropped 1 rows without unixtime" in caplog.text
    first, second, *_ = load_dataset(config(tmp_path), tmp_path / "cache").funnel  # now from the cache
    assert (first, second) == everyone.funnel[:2]
    assert first == FunnelStep("read", 16, users=4, items=9)
    assert second == FunnelStep("usable", 15, users=4, items=9)
    assert everyone.user_ids.tolist() == ["ann", "bob"]
    assert load_dataset(config(tmp_path, min_rating=4.5), tmp_path / "cache").user_ids.tolist() == ["bob"]


@given(
    work=st.text("0123456789", min_size=1, max_size=9),
    user=st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1),
    facts=st.fixed_dictionaries(
        {},
        optional={
            "stars": st.sampled_from([0.5, 3, 5.0]),
            "unixtime": st.integers(0, 2**31),
            "comment": st.text(),
            "flags": st.lists(st.text()),
        },
    ),
)
def test_every_python_literal_is_read_back(work: str, user: str, facts: dict[str, object]) -> None:
    if user in ("nan", "NaN", "NULL", "null", "None", "<NA>"):
        return
    row = parse_review(f"reviews[{(work, user)!r}] = {facts!r}")
    assert row is not None
    assert row[:2] == (user, work) and row[3] == facts.get("unixtime")
    assert row[2] == facts["stars"] if "stars" in facts else math.isnan(row[2])
