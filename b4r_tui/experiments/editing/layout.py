"""Positions in a TOML text: its tables and `key = value` pairs with their byte offsets."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import tomli
import tree_sitter

from b4r_tui.experiments.toml_tree import TABLES, key_of, name_of, pairs_in, tree_of, value_of
from engine.contract.errors import B4RError

Path = tuple[str, ...]


@dataclass(frozen=True)
class Part:
    """One part of a dotted key; its span includes quotes."""

    name: str
    start: int
    end: int


@dataclass(frozen=True)
class Pair:
    """A `key = value`. path: from the root. inside: the pair whose inline table contains this one."""

    path: Path
    parts: tuple[Part, ...]
    start: int
    end: int
    value: tuple[int, int]
    kind: str
    section: int
    inside: Pair | None = None


@dataclass(frozen=True)
class Section:
    """A `[table]`, or the lines before the first one. start: its first byte. end: the byte after its last pair."""

    path: Path
    parts: tuple[Part, ...]
    start: int
    head_end: int
    end: int


@dataclass(frozen=True)
class Layout:
    """Sections and pairs in document order. sections[0] is the root."""

    data: bytes
    sections: tuple[Section, ...]
    pairs: tuple[Pair, ...]

    def pair(self, path: Path) -> Pair | None:
        """Return the pair that sets exactly this key."""
        return next((pair for pair in self.pairs if pair.path == path), None)

    def own_pairs(self, section: int) -> list[Pair]:
        """Return the pairs that are lines of a section, in order."""
        return [pair for pair in self.pairs if pair.section == section and pair.inside is None]


def parse_toml(text: str) -> dict[str, Any]:
    """Return the values of a TOML text. Raises B4RError if it is not valid."""
    try:
        return tomli.loads(text)
    except tomli.TOMLDecodeError as error:
        raise B4RError(f"line {error.lineno} is not valid TOML: {error.msg}; fix the text first") from error
    except RecursionError as error:
        raise B4RError("lists or tables are nested too deeply; fix the text first") from error


def layout_of(text: str) -> Layout:
    """Return the positions of all sections and pairs of a valid TOML text."""
    data = text.encode()
    root = tree_of(data)
    tables = [node for node in root.children if node.type in TABLES]
    pairs = [pair for node in pairs_in(root) for pair in _pairs(node, (), 0)]
    last = max((pair.end for pair in pairs), default=0)
    sections = [Section((), (), 0, 0, line_end(data, last) if pairs else 0)]
    for number, node in enumerate(tables, 1):
        parts = _parts(node)
        path = tuple(part.name for part in parts)
        own = [pair for child in pairs_in(node) for pair in _pairs(child, path, number)]
        head_end = line_end(data, parts[-1].end)
        end = line_end(data, max(pair.end for pair in own)) if own else head_end
        sections.append(Section(path, parts, line_start(data, node.start_byte), head_end, end))
        pairs += own
    return Layout(data, tuple(sections), tuple(pairs))


def line_start(data: bytes, place: int) -> int:
    """Return the offset of the first byte of the line that contains `place`."""
    return data.rfind(b"\n", 0, place) + 1


def line_end(data: bytes, place: int) -> int:
    """Return the offset after the line that contains `place`, line end included."""
    end = data.find(b"\n", place)
    return len(data) if end < 0 else end + 1


def _pairs(node: tree_sitter.Node, above: Path, section: int, inside: Pair | None = None) -> Iterator[Pair]:
    parts, value = _parts(node), value_of(node)
    path = above + tuple(part.name for part in parts)
    span = (value.start_byte, value.end_byte)
    pair = Pair(path, parts, node.start_byte, value.end_byte, span, value.type, section, inside)
    yield pair
    if value.type == "inline_table":
        for child in pairs_in(value):
            yield from _pairs(child, path, section, pair)


def _parts(node: tree_sitter.Node) -> tuple[Part, ...]:
    return tuple(Part(name_of(part), part.start_byte, part.end_byte) for part in key_of(node))
