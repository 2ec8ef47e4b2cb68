"""The pages that people read, their fenced blocks, and the commands in them."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import ROOT

PAGES = (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md")))
PROGRAM = "b4r-tui"
_FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^\1```", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"`(b4r-tui [^`]+)`")


@dataclass(frozen=True)
class Block:
    """A fenced block: where it stands, its language ("" for none), its text."""

    page: Path
    language: str
    text: str


def text_of(page: Path) -> str:
    """A page as it is."""
    return page.read_text(encoding="utf-8")


def blocks(language: str | None = None) -> list[Block]:
    """All fenced blocks, or those of a language."""
    found = [Block(page, match[2], match[3]) for page in PAGES for match in _FENCE.finditer(text_of(page))]
    return [block for block in found if language is None or block.language == language]


def commands() -> list[str]:
    """Each command of a block once, without its comment, in the order of the pages."""
    return list(dict.fromkeys(command for block in blocks("sh") for command in _lines(block)))


def _lines(block: Block) -> Iterator[str]:
    for line in block.text.replace("\\\n", " ").splitlines():
        command = re.sub(r"(^|\s+)#.*$", "", line).strip()
        if command:
            yield command


def mentioned() -> list[str]:
    """Each command that a sentence names, once: with every option it may have, and the first of choices."""
    pages = [page for page in PAGES if page.name != "cli.md"]
    prose = (_FENCE.sub("", text_of(page)) for page in pages)
    found = [_whole(each) for text in prose for each in _INLINE.findall(" ".join(text.split()))]
    return sorted(set(found))


def _whole(usage: str) -> str:
    """`compare RUN… [--metric M]` as somebody would type it with all there is."""
    words = usage.replace("[", "").replace("]", "").replace(" …", " 1x2").replace("…", "").split()
    return " ".join(word.partition("|")[0] for word in words)


def words_of(command: str) -> list[str]:
    """The arguments of a b4r-tui command, as a shell would split them."""
    return shlex.split(command)[1:]
