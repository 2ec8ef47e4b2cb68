"""Parses a shell script into the commands it would run, without running any, by tree-sitter's bash grammar.

Variables that the script assigns are substituted and literal `for` lists are expanded; what only a shell could
resolve is kept as written, with a remark.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import tree_sitter
import tree_sitter_bash

from b4r_tui.experiments.importing.ascii import ascii_only, decoded
from b4r_tui.experiments.importing.words import Words

_READ_THROUGH = {
    "if_statement": "a condition",
    "elif_clause": "a condition",
    "else_clause": "a condition",
    "case_statement": "a choice",
    "case_item": "a choice",
    "while_statement": "a loop that only a shell can expand",
    "c_style_for_statement": "a loop that only a shell can expand",
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
    """A word of a command with quotes and variables resolved. line: from 1."""

    text: str
    line: int


@dataclass(frozen=True)
class Remark:
    """A remark on a line of the script."""

    line: int
    sentence: str


@dataclass(frozen=True)
class Command:
    """A command with the variables set only for it."""

    words: list[Word]
    env: dict[str, str]
    line: int
    remarks: tuple[Remark, ...] = ()


@dataclass
class Script:
    """The commands of a script in order, with remarks on what could not be resolved."""

    commands: list[Command] = field(default_factory=list)
    remarks: list[Remark] = field(default_factory=list)


def read_script(text: str) -> Script:
    """Return the commands of a bash script."""
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
        """Process a statement and those inside it."""
        if node.type in ("variable_assignment", "declaration_command"):
            self._assign(node)
        elif node.type == "command":
            self._command(node)
        elif node.type == "for_statement":
            self._loop(node)
        elif node.type == "ERROR" or node.is_missing:
            self._remark(_line(node), "syntax error in the script; check that all commands were imported")
            self._inside(node)
        elif node.type in _SHAPES or node.type in _READ_THROUGH:
            self._inside(node)

    def _inside(self, node: tree_sitter.Node) -> None:
        before = len(self.script.commands)
        for child in node.named_children:
            self.visit(child)
        if node.type in _READ_THROUGH:
            remark = Remark(_line(node), f"{_READ_THROUGH[node.type]} around it is ignored")
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
        """Expand a loop over a literal list, such as `for lr in 0.1 0.01`."""
        variable, body = node.child_by_field_name("variable"), node.child_by_field_name("body")
        if variable is None or body is None:
            return
        name = decoded(variable.text)
        values = [text for value in _values(node, variable, body) for text in self._words.expand(value)]
        if (
            not values
            or any("$(" in value or "`" in value for value in values)
            or len(self.script.commands) > _LOOP_LIMIT
        ):
            self._remark(
                _line(node), "loops over a list that only a shell can expand; its commands are ignored"
            )
            return
        for value in values:
            self._words.variables[name] = [value]
            self.visit(body)

    def _remark(self, line: int, sentence: str) -> None:
        self.script.remarks.append(Remark(line, sentence))


def _values(
    node: tree_sitter.Node, variable: tree_sitter.Node, body: tree_sitter.Node
) -> Iterator[tree_sitter.Node]:
    """Return the words of the list of a loop."""
    return (child for child in node.named_children if child not in (variable, body))


def _line(node: tree_sitter.Node) -> int:
    return node.start_point[0] + 1
