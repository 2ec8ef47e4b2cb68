"""The registry says of each command what its module says, without importing it."""

from __future__ import annotations

import argparse
import inspect

import pytest

from b4r_tui.commands.main import main
from b4r_tui.commands.parser import CommandParser, full_parser
from b4r_tui.commands.registry import COMMANDS, load
from tests.conftest import ROOT

OPTIONS = ("only", "json")
NOT_COMMANDS = {"__init__", "command", "interrupts", "main", "parser", "program_output", "registry"}


def parser_of(module: str) -> argparse.ArgumentParser:
    parser = CommandParser(add_help=False)
    load(module).add_arguments(parser)
    return parser


@pytest.mark.parametrize("name", COMMANDS)
def test_an_entry_matches_its_module(name: str) -> None:
    entry, parser = COMMANDS[name], parser_of(COMMANDS[name].module)
    assert entry.module == ("import_scripts" if name == "import" else name.replace("-", "_"))
    declared = tuple(each for each in OPTIONS if any(action.dest == each for action in parser._actions))
    assert entry.takes == declared
    assert list(inspect.signature(load(entry.module).run).parameters) == ["arguments", "context"]


@pytest.mark.parametrize("module", ["run_file", "tail"])
def test_an_option_of_the_program_has_a_module_too(module: str) -> None:
    assert list(inspect.signature(load(module).run).parameters) == ["arguments", "context"]


def test_every_module_is_a_command_or_shared_by_several() -> None:
    folder = ROOT / "b4r_tui" / "commands"
    modules = {path.stem for path in folder.glob("*.py")} | {"doctor"}
    assert modules - NOT_COMMANDS == {entry.module for entry in COMMANDS.values()} | {"run_file", "tail"}


def test_a_command_documents_its_arguments_without_being_run(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["export", "--help"])
    assert caught.value.code == 0
    out = capsys.readouterr().out
    assert "usage: b4r-tui export [-h] [--runs DIR]" in out and "--metrics METRIC" in out


def test_the_full_parser_has_all_commands_with_their_arguments() -> None:
    (commands,) = (each for each in full_parser()._actions if isinstance(each, argparse._SubParsersAction))
    assert list(commands.choices) == list(COMMANDS)
    assert all(
        any(action.dest == "runs" for action in parser._actions) for parser in commands.choices.values()
    )
