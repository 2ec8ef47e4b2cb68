"""Reads a shell script into the commands it would run, without running any: tree-sitter's grammar of bash does.

Variables that the script assigns are put in, lists of `for` loops are gone through; what only a shell could
tell is left as it is written, and noted.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import tree_sitter
import tree_sitter_bash

from b4r_tui.experiments.importing.ascii import as_it_was, ascii_only
from b4r_tui.experiments.importing.words import Words

_READ_THROUGH = {
    "if_statement": "a condition",
    "elif_clause": "a condition",
    "else_clause": "a condition",
    "case_statement": "a choice",
    "case_item": "a choice",
    "while_statement": "a loop that only a shell can count",
    "c_style_for_statement": "a loop that only a shell can count",
    "function_definition": "a function",
}
_SHAPES = (
    "program",
    "list",
    "pipeline",
    "redirected_statement",
    "do_group",
    "compound_statement",
    "subshell",
)
_LOOP_LIMIT = 1000


@dataclass(frozen=True)
class Word:
    """A word of a command, its quotes and variables resolved. line counts from 1."""

    text: str
    line: int


@dataclass(frozen=True)
class Remark:
    """What should be known of a line."""

    line: int
    sentence: str


@dataclass(frozen=True)
class Command:
    """A command with the variables set just for it."""

    words: list[Word]
    env: dict[str, str]
    line: int
    remarks: tuple[Remark, ...] = ()


@dataclass
class Script:
    """The commands of a script in order, and what could not be read as a shell would."""

    commands: list[Command] = field(default_factory=list)
    remarks: list[Remark] = field(default_factory=list)


def read_script(text: str) -> Script:
    """The commands of a bash script."""
    parser = tree_sitter.Parser(tree_sitter.Language(tree_sitter_bash.language()))
    reader = _Reader()
    reader.visit(parser.parse(ascii_only(text.replace("\r\n", "\n")).encode()).root_node)
    reader.script.remarks = list(dict.fromkeys(reader.script.remarks))
    return reader.script


class _Reader:
    def __init__(self) -> None:
        self.script = Script()
        self._words = Words(self._remark)

    def visit(self, node: tree_sitter.Node) -> None:
        """Read a statement, and those inside it."""
        if node.type in ("variable_assignment", "declaration_command"):
            self._assign(node)
        elif node.type == "command":
            self._command(node)
        elif node.type == "for_statement":
            self._loop(node)
        elif node.type == "ERROR" or node.is_missing:
            self._remark(
                _line(node), "bash that cannot be read begins here; look whether all of it was taken"
            )
            self._inside(node)
        elif node.type in _SHAPES or node.type in _READ_THROUGH:
            self._inside(node)

    def _inside(self, node: tree_sitter.Node) -> None:
        before = len(self.script.commands)
        for child in node.named_children:
            self.visit(child)
        if node.type in _READ_THROUGH:
            remark = Remark(_line(node), f"{_READ_THROUGH[node.type]} is around it; taken as if it were not")
            inside = self.script.commands[before:]
            self.script.commands[before:] = [
                replace(command, remarks=(*command.remarks, remark)) for command in inside
            ]

    def _assign(self, node: tree_sitter.Node) -> None:
        assignments = [node] if node.type == "variable_assignment" else node.named_children
        for each in assignments:
            if each.type == "variable_assignment":
                name, values = self._words.assigned(each)
                self._words.variables[name] = values

    def _command(self, node: tree_sitter.Node) -> None:
        before, env = len(self.script.remarks), dict[str, str]()
        words: list[Word] = []
        for child in node.named_children:
            if child.type == "variable_assignment":
                name, values = self._words.assigned(child)
                env[name] = " ".join(values)
            elif "redirect" not in child.type:
                words += [Word(text, _line(child)) for text in self._words.expand(child)]
        mine, self.script.remarks[before:] = tuple(self.script.remarks[before:]), []
        if words:
            self.script.commands.append(Command(words, env, _line(node), tuple(dict.fromkeys(mine))))

    def _loop(self, node: tree_sitter.Node) -> None:
        """Go through a list that is written down, as `for lr in 0.1 0.01`."""
        variable, body = node.child_by_field_name("variable"), node.child_by_field_name("body")
        if variable is None or body is None:
            return
        name = as_it_was(variable.text)
        values = [text for value in _values(node, variable, body) for text in self._words.expand(value)]
        if (
            not values
            or any("$(" in value or "`" in value for value in values)
            or len(self.script.commands) > _LOOP_LIMIT
        ):
            self._remark(_line(node), "loops over a list that is not written down; its commands are left out")
            return
        for value in values:
            self._words.variables[name] = [value]
            self.visit(body)

    def _remark(self, line: int, sentence: str) -> None:
        self.script.remarks.append(Remark(line, sentence))


def _values(
    node: tree_sitter.Node, variable: tree_sitter.Node, body: tree_sitter.Node
) -> Iterator[tree_sitter.Node]:
    """The words of a loop's list."""
    return (child for child in node.named_children if child not in (variable, body))


def _line(node: tree_sitter.Node) -> int:
    return node.start_point[0] + 1
