"""What the program and each command import: not torch, no other command, and nothing heavy without need."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from b4r_tui.commands.registry import COMMANDS

NEVER = {"torch", "torchrec", "fbgemm_gpu"}
HEAVY = {
    *("textual", "pandas", "numpy", "scipy", "pyarrow", "matplotlib", "optuna", "mlflow", "aiohttp", "pooch"),
    "tree_sitter",
}
NEEDED = {  # statistics over users, a download, a parser of shell scripts
    "compare": {"numpy", "pyarrow"},
    "fetch": {"pooch"},
    "import_scripts": {"tree_sitter"},
}
SHARED = {"command", "interrupts", "main", "parser", "program_output", "registry"}
MODULES = [*(entry.module for entry in COMMANDS.values()), "run_file", "tail"]


def imported(code: str) -> set[str]:
    """The modules that are imported after running the code in a fresh interpreter."""
    whole = f"import json, sys\n{code}\nprint(json.dumps(list(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", whole], check=True, capture_output=True, text=True)
    return set(json.loads(done.stdout.splitlines()[-1]))


def commands_in(modules: set[str]) -> set[str]:
    names = (name.split(".") for name in modules if name.startswith("b4r_tui.commands."))
    return {parts[2] for parts in names} - SHARED


def test_the_command_line_imports_no_command_and_nothing_heavy() -> None:
    modules = imported("import b4r_tui.commands.main")
    assert not (NEVER | HEAVY | {"rich", "pydantic", "tomlkit"}) & modules
    assert commands_in(modules) == set()


def test_help_imports_no_command() -> None:
    code = "from b4r_tui.commands.main import main\ntry: main(['--help'])\nexcept SystemExit: pass"
    assert commands_in(imported(code)) == set()


@pytest.mark.parametrize("module", MODULES)
def test_a_command_imports_only_what_it_needs(module: str) -> None:
    modules = imported(f"from b4r_tui.commands.registry import load; load({module!r})")
    assert commands_in(modules) == {module}
    assert not (NEVER | HEAVY - NEEDED.get(module, set())) & modules


def test_the_runs_of_a_command_start_without_torch() -> None:
    assert not (NEVER | HEAVY) & imported("import b4r_tui.runs.supervision.supervisor")
