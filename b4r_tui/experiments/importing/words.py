"""Expands a bash word as a shell would: quotes, backslashes and the script's variables, but runs no program."""

from __future__ import annotations

import re
from collections.abc import Callable

import tree_sitter

from b4r_tui.experiments.importing.ascii import decoded

_PLAIN = ("word", "number", "string_content", "extglob_pattern", "special_character", "variable_name")
_EXPANSION = re.compile(
    r"\$\{(?P<name>[A-Za-z_]\w*)(?P<all>\[[@*]\])?(?:(?P<how>:?[-=])(?P<default>.*))?\}", re.DOTALL
)
_ASSIGNED = re.compile(r"\w+")


class Words:
    """Holds the variables of a script: name → values, several for an array. remark: reports what is unresolved."""

    def __init__(self, remark: Callable[[int, str], None]) -> None:
        self.variables: dict[str, list[str]] = {}
        self._remark = remark

    def assigned(self, node: tree_sitter.Node) -> tuple[str, list[str]]:
        """Return name and values of an assignment, including earlier values if it appends."""
        text = _text(node)
        match = _ASSIGNED.match(text)
        name = match[0] if match else ""
        value = node.child_by_field_name("value")
        if value is None:
            values = [""]
        elif value.type == "array":
            values = [text for item in value.named_children for text in self.expand(item)]
        else:
            values = [self._joined(value, in_quotes=True)]
        if text[len(name) :].startswith("+="):
            before = self.variables.get(name, [])
            appended = [*before, *values] if value is not None and value.type == "array" else None
            values = appended or ["".join([*before[:1], *values])]
        return name, values

    def expand(self, node: tree_sitter.Node) -> list[str]:
        """The words that a node becomes: one, or several where a variable outside quotes holds several."""
        if node.type in ("simple_expansion", "expansion"):
            return [word for value in self._values(node) for word in value.split()]
        if node.type == "string" and len(node.named_children) == 1 and _is_array(node.named_children[0]):
            return self._values(node.named_children[0])
        return [self._joined(node)]

    def _joined(self, node: tree_sitter.Node, in_quotes: bool = False) -> str:
        """One text of a node and all inside it. in_quotes: variables are not cut into words."""
        kind = node.type
        if kind in ("simple_expansion", "expansion"):
            return " ".join(self._values(node))
        if kind == "raw_string":
            return _text(node)[1:-1]
        if kind == "ansi_c_string":
            return _text(node)[2:-1].encode().decode("unicode_escape", "replace")
        if kind == "string":
            return self._quoted(node)
        if kind in ("concatenation", "command_name"):
            return "".join(self._joined(child) for child in node.children)
        if kind in _PLAIN:
            return _unescaped(_text(node))
        if kind.endswith(("substitution", "arithmetic_expansion")):
            self._remark(_line(node), f"`{_text(node)}` needs a shell; kept as written")
        return _text(node)

    def _quoted(self, node: tree_sitter.Node) -> str:
        """Expand a text in double quotes; blanks around variables have no nodes of their own."""
        text, place = "", node.start_byte + 1
        source, start = node.text or b"", node.start_byte
        for child in node.named_children:
            text += decoded(source[place - start : child.start_byte - start])
            is_text = child.type == "string_content"
            text += re.sub(r'\\(["\\$`]|\n)', _unescape, _text(child)) if is_text else self._joined(child)
            place = child.end_byte
        return text + decoded(source[place - start : -1])

    def _values(self, node: tree_sitter.Node) -> list[str]:
        """Return the values of a variable; its text as written if the script does not set it."""
        text = _text(node)
        match = _EXPANSION.fullmatch(text)
        name = match["name"] if match else text[1:]
        if name in self.variables and (match or node.type == "simple_expansion"):
            values = self.variables[name]
            return values if _is_array(node) else values[:1] or [""]
        if match and match["how"]:
            return [match["default"].strip("\"'")]
        if name in ("@", "*", "#", "?") or text in ('"$@"', "${@}"):
            self._remark(_line(node), f"`{text}` refers to arguments of the script; ignored")
            return []
        self._remark(_line(node), f"`{text}` is not set in the script; kept as written")
        return [text]


def _is_array(node: tree_sitter.Node) -> bool:
    return _text(node).endswith(("[@]}", "[*]}")) or _text(node) in ("$@", "$*", "${@}")


def _unescaped(text: str) -> str:
    return re.sub(r"\\(.|\n)", _unescape, text, flags=re.DOTALL)


def _unescape(match: re.Match[str]) -> str:
    return "" if match[1] == "\n" else match[1]


def _text(node: tree_sitter.Node) -> str:
    return decoded(node.text)


def _line(node: tree_sitter.Node) -> int:
    return node.start_point[0] + 1
