"""The documentation pages, their fenced blocks, and the commands in them."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import ROOT

PAGES = (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md")))
CHANGELOG = ROOT / "CHANGELOG.md"
PROGRAM = "b4r-tui"
_FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^\1```", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"`(b4r-tui [^`]+)`")


@dataclass(frozen=True)
class Block:
    """A fenced block: its page, its language ("" for none), its text."""

    page: Path
    language: str
    text: str


def text_of(page: Path) -> str:
    """Return the text of a page."""
    return page.read_text(encoding="utf-8")


def blocks(language: str | None = None) -> list[Block]:
    """Return all fenced blocks, or those of a language."""
    every = [Block(page, match[2], match[3]) for page in PAGES for match in _FENCE.finditer(text_of(page))]
    return [block for block in every if language is None or block.language == language]


def commands() -> list[str]:
    """Return the distinct commands of all blocks, without comments, in page order."""
    return list(dict.fromkeys(command for block in blocks("sh") for command in _lines(block)))


def _lines(block: Block) -> Iterator[str]:
    for line in block.text.replace("\\\n", " ").splitlines():
        command = re.sub(r"(^|\s+)#.*$", "", line).strip()
        if command:
            yield command


def mentioned() -> list[str]:
    """Return the distinct commands mentioned inline, with all optional arguments and the first of alternatives."""
    pages = [page for page in PAGES if page.name != "cli.md"]
    prose = (_FENCE.sub("", text_of(page)) for page in pages)
    usages = [_expanded(each) for text in prose for each in _INLINE.findall(" ".join(text.split()))]
    return sorted(set(usages))


def _expanded(usage: str) -> str:
    """Turn a usage such as `compare RUN… [--metric M]` into a command with every option."""
    words = usage.replace("[", "").replace("]", "").replace(" …", " 1x2").replace("…", "").split()
    return " ".join(word.partition("|")[0] for word in words)


def words_of(command: str) -> list[str]:
    """Return the arguments of a b4r-tui command, split as in a shell."""
    return shlex.split(command)[1:]
