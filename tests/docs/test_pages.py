"""Links, paths, module names and TOML in the documentation are valid."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

from b4r_tui.commands.main import main
from tests.conftest import ROOT
from tests.docs.pages import CHANGELOG, PAGES, PROGRAM, Block, blocks, text_of

LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
CODE = re.compile(r"```.*?```|`[^`]*`", re.DOTALL)
PATH = re.compile(r"`((?:b4r_tui|benchmarks|docs|engine|examples|packaging|tests)/[\w./-]*)`")
MODULE = re.compile(r"-m ((?:b4r_tui|benchmarks|docs|engine|tests)[\w.]*)")
COMMAND_STARTS = ("python ", "python -m", "pip ", "make ", "torchrun ", f"{PROGRAM} ", "$ ")
CONTEXT = {  # what a fragment omits because the page has just shown it
    "experiments.base.launch": '[experiments.base.data]\ndataset_name = "synthetic"\n',
    "experiments.two-machines": '[defaults.data]\ndataset_name = "synthetic"\n',
    "experiments.searched.sweep": '[defaults.data]\ndataset_name = "synthetic"\n',
}


def page_id(page: Path) -> str:
    return str(page.relative_to(ROOT))


def anchors(page: Path) -> set[str]:
    """The anchors that GitHub gives a page's headings."""
    headings = re.findall(
        r"^#+ (.+)$", re.sub(r"```.*?```", "", text_of(page), flags=re.DOTALL), re.MULTILINE
    )
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def missing_paths(text: str) -> list[str]:
    """Return the paths in a text that do not exist; of a path with NAME only the folder has to."""
    return [path for path in PATH.findall(text) if not (ROOT / re.sub(r"[^/]*NAME.*", "", path)).exists()]


@pytest.mark.parametrize("page", [*PAGES, CHANGELOG], ids=page_id)
def test_links_resolve(page: Path) -> None:
    for link in LINK.findall(CODE.sub("", text_of(page))):
        path, _, anchor = link.partition("#")
        if not path.startswith(("http:", "https:")):
            target = (page.parent / path).resolve() if path else page
            assert target.exists(), link
            assert not anchor or anchor in anchors(target), link


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_paths_exist(page: Path) -> None:
    assert missing_paths(text_of(page)) == []


def test_a_missing_path_is_detected() -> None:
    text = "`docs/faq.md`, `engine/lost.py`, `engine/data/NAME.py`, `engine/lost/NAME.py`, `logs/rank_0.log`"
    assert missing_paths(text) == ["engine/lost.py", "engine/lost/NAME.py"]


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_modules_exist(page: Path) -> None:
    names = MODULE.findall(text_of(page))
    assert [name for name in names if importlib.util.find_spec(name) is None] == []


def test_command_blocks_are_marked_as_sh() -> None:
    others = [block for block in blocks() if block.language != "sh"]
    assert [
        b.text for b in others if any(line.startswith(COMMAND_STARTS) for line in b.text.splitlines())
    ] == []


def create_data_files(folder: Path, text: str) -> None:
    """Create the data files of these settings, empty, which is enough for `validate`."""
    for path in re.findall(r'dataset_path = "([^"]+)"', text):
        place = folder / path
        for file in (place,) if place.suffix else (place / "u.data", place / "ratings.dat"):
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(b"")


@pytest.mark.parametrize("block", blocks("toml"), ids=lambda block: page_id(block.page))
def test_toml_validates(block: Block, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    match = re.search(r"^\[([^\]]+)\]", block.text, re.MULTILINE)
    assert match is not None
    file = tmp_path / "place" / "experiments.toml"
    file.parent.mkdir()
    create_data_files(file.parent, block.text)
    file.write_text(CONTEXT.get(match[1], "") + block.text)
    assert main(["validate", str(file)]) == 0, capsys.readouterr().err


def test_the_tutorial_shows_the_file_it_runs() -> None:
    shown = next(block.text for block in blocks("toml") if block.page.name == "tutorial.md")
    assert shown.strip() in (ROOT / "examples" / "ml-1m.toml").read_text(encoding="utf-8")


def test_every_example_is_documented() -> None:
    text = "".join(text_of(page) for page in PAGES)
    assert [file.name for file in (ROOT / "examples").glob("*.toml") if file.name not in text] == []
