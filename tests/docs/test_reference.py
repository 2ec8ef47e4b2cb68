"""The reference pages are up to date and complete."""

from __future__ import annotations

import pytest

from b4r_tui.commands.registry import COMMANDS
from b4r_tui.experiments.settings import SETTINGS
from docs.make_reference import FOLDER, pages
from engine.contract.events import EVENT_TYPES


@pytest.mark.parametrize("name", pages())
def test_a_reference_page_is_up_to_date(name: str) -> None:
    assert (FOLDER / name).read_text(encoding="utf-8") == pages()[name], (
        "stale: python -m docs.make_reference"
    )


def test_every_setting_command_and_event_is_listed() -> None:
    made = pages()
    assert [key for key in SETTINGS if f"| `{key}` |" not in made["settings.md"]] == []
    assert [name for name in COMMANDS if f"## `b4r-tui {name}`" not in made["cli.md"]] == []
    assert [kind for kind in EVENT_TYPES if f"## {kind}\n" not in made["events.md"]] == []


def test_every_argument_has_a_description() -> None:
    assert [line for line in pages()["cli.md"].splitlines() if line.endswith("|  |")] == []
