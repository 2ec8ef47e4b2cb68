"""What the doctor finds on this machine and in a file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from b4r_tui.commands.doctor import report
from b4r_tui.commands.doctor.check import Check
from b4r_tui.commands.doctor.software import imports
from b4r_tui.commands.main import main
from engine.contract.errors import ExitCode


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the import of torch, which another test is about."""
    monkeypatch.setattr(report, "software", lambda: [Check("python", "ok", "3")])


def told(capsys: pytest.CaptureFixture[str]) -> dict[str, dict[str, str]]:
    return {check["name"]: check for check in json.loads(capsys.readouterr().out)}


@pytest.mark.usefixtures("quick")
def test_a_problem_has_a_fix_and_exits_3(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = tmp_path / "open"
    root.mkdir()
    root.chmod(0o777)
    assert main(["--runs", str(root), "doctor", "--json"]) == ExitCode.ENVIRONMENT
    found = told(capsys)["runs root"]
    assert found["status"] == "problem"
    assert found["mend"]


@pytest.mark.usefixtures("quick")
def test_a_files_experiments_are_asked_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "e.toml"
    file.write_text(
        '[experiments.small]\ndata.dataset_name = "synthetic"\n'
        '[experiments.huge]\ndata = {dataset_name = "synthetic", random_item_count = 90000000}\nmodel.emb_dim = 4096\n'
    )
    assert main(["--runs", str(tmp_path / "r"), "doctor", str(file), "--json"]) == ExitCode.ENVIRONMENT
    found = told(capsys)
    assert found["huge"]["status"] == "problem"
    assert found["small"]["status"] != "problem"
    file.write_text("[experiments.a]\nmodel.emb_dim = 5\n")
    assert main(["doctor", str(file)]) == ExitCode.ENVIRONMENT
    assert "emb_dim" in capsys.readouterr().out


def test_a_module_that_does_not_load_is_a_problem() -> None:
    found = imports(("no_such_module_at_all",))
    assert found.status == "problem"
    assert "no_such_module_at_all" in found.details
    assert imports(("json",)).status == "ok"
