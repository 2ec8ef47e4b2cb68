"""Every command in README.md, CONTRIBUTING.md and docs/ is run, or listed with the reason why it is only parsed."""

from __future__ import annotations

import importlib.util
import re
import shlex
import subprocess
from itertools import cycle
from pathlib import Path

import pytest
import tomli

from b4r_tui.commands.main import main
from b4r_tui.commands.parser import build_parser, parse
from tests.conftest import ROOT
from tests.docs.pages import commands, mentioned, words_of
from tests.docs.rules import FAKE, OTHER, PARSED, REAL, RULES, Rule, rule_of

FILE = "experiments.toml"


def typed(command: str, rule: Rule) -> list[str]:
    """Return the arguments with existing values for RUN, NAME and FILE."""
    runs = cycle(rule.names)
    stand_ins = {"NAME": rule.name, "FILE": FILE, "OTHER": "later"}
    words = (word.rstrip("…") for word in words_of(command))
    return [next(runs) if word == "RUN" else stand_ins.get(word, word) for word in words]


def of(how: str) -> list[str]:
    return [command for command in commands() if rule_of(command).how == how]


def test_each_command_has_a_rule_and_each_rule_is_used() -> None:
    used = {rule_of(command).pattern for command in commands()}
    assert [rule.pattern for rule in RULES if rule.pattern not in used] == []


def test_commands_not_run_have_a_reason_that_names_existing_tests() -> None:
    for rule in RULES:
        assert bool(rule.why) == (rule.how in (PARSED, OTHER)), rule
        for path in re.findall(r"tests/\S+\.py", rule.why):
            assert (ROOT / path).exists(), path


@pytest.mark.parametrize("command", of(FAKE))
def test_a_command_runs(command: str, workplace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rule = rule_of(command)
    for first in (*rule.before, *(["queue pause"] if rule.paused else [])):
        assert main(shlex.split(first)) == 0, capsys.readouterr()
    assert main(typed(command, rule)) == 0, capsys.readouterr()
    assert capsys.readouterr().out or {"-o", "--into", "--level"} & set(words_of(command))


@pytest.mark.torchrun
@pytest.mark.parametrize("command", of(REAL))
def test_a_command_on_a_trained_model_runs(
    command: str, real_place: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(real_place)
    assert main(typed(command, rule_of(command))) == 0, capfd.readouterr()
    assert capfd.readouterr().out


@pytest.mark.parametrize("command", of(PARSED))
def test_a_command_that_is_not_run_is_parsed(command: str) -> None:
    words = typed(command, rule_of(command))
    parse(words)
    named = [word for word in words if word.startswith("examples/") or word == FILE]
    assert [word for word in named if not (ROOT / word).exists()] == []


@pytest.mark.parametrize("command", mentioned())
def test_a_command_in_a_sentence_is_parsed(command: str) -> None:
    words = typed(command, Rule("", PARSED))
    if len(words) > 1:
        parse([{"F": "csv", "M": "ndcg@10", "P": "full", "1xN": "1x2"}.get(word, word) for word in words])
    else:
        shown = build_parser().format_help()
        assert f"{words[0]} " in shown or f"{words[0]}\n" in shown


@pytest.mark.parametrize("command", of(OTHER))
def test_other_programs(command: str) -> None:
    program, *words = shlex.split(command)
    extras = tomli.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    if program == "make":
        assert (
            subprocess.run([program, "-n", *words], cwd=ROOT, capture_output=True, check=False).returncode
            == 0
        )
    elif program == "python":
        spec = importlib.util.find_spec(words[1])
        assert spec is not None and spec.origin is not None
        source = Path(spec.origin).read_text(encoding="utf-8")
        assert [word for word in words if word.startswith("--") and word not in source] == []
    elif program == "pip":
        match = re.fullmatch(r"b4r-tui\[(.+)\]", words[1])
        assert match and set(match[1].split(",")) <= extras.keys()
    else:
        package = {"ir_measures": "ir-measures", "mlflow": "mlflow-skinny"}.get(program, program)
        assert any(need.startswith(package) for needs in extras.values() for need in needs)
