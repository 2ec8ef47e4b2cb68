"""Finds the line of a dotted key in TOML text, whether written as table, dotted key, inline table or list."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import tree_sitter

from b4r_tui.experiments.file_problem import KeyPath
from b4r_tui.experiments.toml_tree import TABLES, key_of, name_of, pairs_in, tree_of, value_of


def lines_of(text: str) -> dict[KeyPath, int]:
    """Return the line, counted from 1, where each key path of a TOML document first appears."""
    lines: dict[KeyPath, int] = {}
    for path, line in _document(tree_of(text.encode())):
        for length in range(1, len(path) + 1):
            lines.setdefault(path[:length], line)
    return lines


def line_of(lines: dict[KeyPath, int], path: KeyPath) -> int | None:
    """Return the line of a key path, or of its closest parent that appears in the file."""
    for length in range(len(path), 0, -1):
        if path[:length] in lines:
            return lines[path[:length]]
    return None


def _document(root: tree_sitter.Node) -> Iterator[tuple[KeyPath, int]]:
    array_tables: Counter[KeyPath] = Counter()
    for node in root.children:
        if node.type == "pair":
            yield from _pair(node, ())
        elif node.type in TABLES:
            header = _path(node)
            if node.type == "table_array_element":
                array_tables[header] += 1
                header = (*header, array_tables[header] - 1)
            yield header, _line(node)
            for child in pairs_in(node):
                yield from _pair(child, header)


def _pair(node: tree_sitter.Node, parent: KeyPath) -> Iterator[tuple[KeyPath, int]]:
    path = parent + _path(node)
    yield path, _line(node)
    yield from _value(value_of(node), path)


def _value(node: tree_sitter.Node, path: KeyPath) -> Iterator[tuple[KeyPath, int]]:
    if node.type == "inline_table":
        for child in pairs_in(node):
            yield from _pair(child, path)
    elif node.type == "array":
        items = [child for child in node.named_children if child.type != "comment"]
        for index, item in enumerate(items):
            yield (*path, index), _line(item)
            yield from _value(item, (*path, index))


def _path(node: tree_sitter.Node) -> KeyPath:
    return tuple(name_of(part) for part in key_of(node))


def _line(node: tree_sitter.Node) -> int:
    return node.start_point[0] + 1
