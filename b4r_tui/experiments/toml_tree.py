"""Access to the syntax tree of TOML text."""

from __future__ import annotations

from collections.abc import Iterator

import tomli
import tree_sitter
import tree_sitter_toml

TABLES = ("table", "table_array_element")
_KEYS = ("bare_key", "quoted_key", "dotted_key")


def tree_of(data: bytes) -> tree_sitter.Node:
    """Return the root of the document, which must be valid TOML."""
    return tree_sitter.Parser(tree_sitter.Language(tree_sitter_toml.language())).parse(data).root_node


def pairs_in(node: tree_sitter.Node) -> Iterator[tree_sitter.Node]:
    """Yield the `key = value` pairs of a document, table or inline table, without those of nested tables."""
    return (child for child in node.children if child.type == "pair")


def key_of(node: tree_sitter.Node) -> list[tree_sitter.Node]:
    """Return the parts of the key of a pair or a table."""
    return _parts(next(child for child in node.children if child.type in _KEYS))


def name_of(part: tree_sitter.Node) -> str:
    """Return the name that a part of a key denotes, without quotes."""
    text = (part.text or b"").decode()
    return next(iter(tomli.loads(f"{text} = 0"))) if part.type == "quoted_key" else text


def value_of(pair: tree_sitter.Node) -> tree_sitter.Node:
    """Return the value of a pair; a comment may follow it."""
    return pair.children[[child.type for child in pair.children].index("=") + 1]


def _parts(key: tree_sitter.Node) -> list[tree_sitter.Node]:
    if key.type != "dotted_key":
        return [key]
    return [part for child in key.children if child.type in _KEYS for part in _parts(child)]
