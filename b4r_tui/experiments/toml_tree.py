"""The tree of a TOML text, and what its nodes are."""

from __future__ import annotations

from collections.abc import Iterator

import tomli
import tree_sitter
import tree_sitter_toml

TABLES = ("table", "table_array_element")
_KEYS = ("bare_key", "quoted_key", "dotted_key")


def tree_of(data: bytes) -> tree_sitter.Node:
    """The document; it must be valid TOML."""
    return tree_sitter.Parser(tree_sitter.Language(tree_sitter_toml.language())).parse(data).root_node


def pairs_in(node: tree_sitter.Node) -> Iterator[tree_sitter.Node]:
    """The `key = value` of a document, a table or an inline table, without those of tables in it."""
    return (child for child in node.children if child.type == "pair")


def key_of(node: tree_sitter.Node) -> list[tree_sitter.Node]:
    """The parts of the key of a pair or a table."""
    return _parts(next(child for child in node.children if child.type in _KEYS))


def name_of(part: tree_sitter.Node) -> str:
    """What a part of a key means, without quotes."""
    text = (part.text or b"").decode()
    return next(iter(tomli.loads(f"{text} = 0"))) if part.type == "quoted_key" else text


def value_of(pair: tree_sitter.Node) -> tree_sitter.Node:
    """What stands behind the equals sign; a comment may follow it."""
    return pair.children[[child.type for child in pair.children].index("=") + 1]


def _parts(key: tree_sitter.Node) -> list[tree_sitter.Node]:
    if key.type != "dotted_key":
        return [key]
    return [part for child in key.children if child.type in _KEYS for part in _parts(child)]
