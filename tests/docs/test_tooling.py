"""Hooks run what the make targets run, and the constraints match the dependencies."""

from __future__ import annotations

import re
import runpy

import pytest
import tomli
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.conftest import ROOT

MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
CONSTRAINTS = (ROOT / "packaging" / "constraints.txt").read_text(encoding="utf-8")
PROJECT = tomli.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
CODE = runpy.run_path(str(ROOT / "packaging" / "make_constraints.py"))


def recipe(target: str) -> list[str]:
    """Return the commands of a make target."""
    match = re.search(rf"^{target}:.*\n((?:\t.*\n)+)", MAKEFILE, re.MULTILINE)
    assert match is not None
    return [line.strip().replace("$(BIN)", ".venv/bin") for line in match[1].splitlines()]


def test_hooks_run_what_make_lint_and_make_types_run() -> None:
    hooks = (ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8")
    assert re.findall(r"entry: (.*)", hooks) == recipe("lint") + recipe("types")


def test_constraints_pin_every_direct_dependency_once() -> None:
    pinned = [Requirement(line) for line in CONSTRAINTS.splitlines() if not line.startswith("#")]
    names = [canonicalize_name(each.name) for each in pinned]
    assert len(names) == len(set(names))
    needed = [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["dev"]]
    assert {canonicalize_name(Requirement(each).name) for each in needed} - {
        *names,
        *CODE["LEFT_OUT"],
    } == set()
    assert [
        str(each) for each in pinned if not re.fullmatch(r"==[\w.]+", str(each.specifier)) or each.url
    ] == []


def test_constraints_allow_what_the_project_requires() -> None:
    pinned = {
        canonicalize_name(each.name): str(each.specifier).removeprefix("==")
        for each in map(Requirement, CONSTRAINTS.splitlines()[1:])
    }
    for needs in (PROJECT["dependencies"], *PROJECT["optional-dependencies"].values()):
        for need in map(Requirement, needs):
            version = pinned.get(canonicalize_name(need.name))
            assert version is None or need.specifier.contains(version), need


@pytest.mark.parametrize(
    ("requires", "marker"),
    [
        (None, ""),
        (">=3.8", ""),
        (">=3.10.1,!=3.9.7", ""),
        (">=3.11", ' ; python_version >= "3.11"'),
        (">=3.9,<3.13", ' ; python_version <= "3.12"'),
    ],
)
def test_a_version_is_pinned_on_the_pythons_it_supports(requires: str | None, marker: str) -> None:
    assert CODE["marker"](requires) == marker
