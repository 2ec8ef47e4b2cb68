"""The card above the tabs of a run that died."""

from __future__ import annotations

from b4r_tui.app.widgets.palette import DARK
from b4r_tui.app.widgets.run.crash_card import MAX_STEPS, card_text
from b4r_tui.runs.crash.card import Card, Cause, card_from

CARD = Card(
    cause=Cause.DISK_FULL,
    sentence="rank 1 could not write: the disk is full",
    rank=1,
    where="engine/contract/atomic_files.py:20 in replacing",
    steps=("make [bold]room[/]", "keep fewer", "write elsewhere", "a fourth"),
)


def test_a_card_shows_cause_place_and_first_steps() -> None:
    text = card_text(CARD, DARK).plain
    assert text.splitlines()[0] == "disk full  ·  rank 1  ·  engine/contract/atomic_files.py:20 in replacing"
    assert text.count("\n") == MAX_STEPS
    assert "[bold]room[/]" in text, "steps are not markup"


def test_only_the_title_is_bold() -> None:
    text = card_text(CARD, DARK)
    assert not text.style
    assert {text.plain[span.start : span.end] for span in text.spans if "bold" in str(span.style)} == {
        "disk full"
    }


def test_a_card_survives_its_file_and_an_unknown_cause() -> None:
    assert card_from(CARD.as_json()) == CARD
    later = card_from(CARD.as_json() | {"cause": "of a later version"})
    assert later is not None and later.cause is Cause.UNKNOWN
    assert card_from({"cause": "killed"}) is None
    assert card_from(None) is None
