"""The pages hold together: links lead somewhere, files they name are there, their TOML is what the program takes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from b4r_tui.commands.main import main
from tests.conftest import ROOT
from tests.docs.pages import PAGES, PROGRAM, Block, blocks, text_of

LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
CODE = re.compile(r"```.*?```|`[^`]*`", re.DOTALL)
NAMED = re.compile(r"`((?:engine|b4r_tui|tests|docs|examples|packaging)/[\w./-]*)`")
STARTS = ("python ", "python -m", "pip ", "make ", "torchrun ", f"{PROGRAM} ", "$ ")
NEEDS = {  # what a fragment leaves out because the page has just shown it
    "experiments.base.launch": '[experiments.base.data]\ndataset_name = "synthetic"\n',
    "experiments.two-machines": '[defaults.data]\ndataset_name = "synthetic"\n',
    "experiments.searched.sweep": '[defaults.data]\ndataset_name = "synthetic"\n',
}


def named(page: Path) -> str:
    return str(page.relative_to(ROOT))


def anchors(page: Path) -> set[str]:
    """The anchors that GitHub gives a page's headings."""
    headings = re.findall(
        r"^#+ (.+)$", re.sub(r"```.*?```", "", text_of(page), flags=re.DOTALL), re.MULTILINE
    )
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_links_lead_somewhere(page: Path) -> None:
    for link in LINK.findall(CODE.sub("", text_of(page))):
        path, _, anchor = link.partition("#")
        if not path.startswith(("http:", "https:")):
            target = (page.parent / path).resolve() if path else page
            assert target.exists(), link
            assert not anchor or anchor in anchors(target), link


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_files_of_the_repository_that_are_named_are_there(page: Path) -> None:
    paths = [path for path in NAMED.findall(text_of(page)) if "NAME" not in path and not path.endswith("/")]
    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_a_block_of_commands_says_that_it_is_one() -> None:
    others = [block for block in blocks() if block.language != "sh"]
    assert [b.text for b in others if any(line.startswith(STARTS) for line in b.text.splitlines())] == []


def put_data(folder: Path, text: str) -> None:
    """The data sets that the settings name, as far as `validate` looks at them."""
    for path in re.findall(r'dataset_path = "([^"]+)"', text):
        place = folder / path
        for file in (place,) if place.suffix else (place / "u.data", place / "ratings.dat"):
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(b"")


@pytest.mark.parametrize("block", blocks("toml"), ids=lambda block: named(block.page))
def test_toml_on_a_page_is_what_the_program_takes(
    block: Block, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    match = re.search(r"^\[([^\]]+)\]", block.text, re.MULTILINE)
    assert match is not None
    file = tmp_path / "place" / "experiments.toml"
    file.parent.mkdir()
    put_data(file.parent, block.text)
    file.write_text(NEEDS.get(match[1], "") + block.text)
    assert main(["validate", str(file)]) == 0, capsys.readouterr().err


def test_the_tutorial_shows_the_file_that_it_runs() -> None:
    shown = next(block.text for block in blocks("toml") if block.page.name == "tutorial.md")
    assert shown.strip() in (ROOT / "examples" / "ml-1m.toml").read_text(encoding="utf-8")


def test_every_example_is_told_of_somewhere() -> None:
    told = "".join(text_of(page) for page in PAGES)
    assert [file.name for file in (ROOT / "examples").glob("*.toml") if file.name not in told] == []
