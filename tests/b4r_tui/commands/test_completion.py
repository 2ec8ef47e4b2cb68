"""Scripts for shells: what they complete, asked of the shell itself where it is here."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from b4r_tui.commands.main import main
from b4r_tui.commands.registry import COMMANDS

ASK = """
source ./{script}
COMP_WORDS=({words} ""); COMP_CWORD={count}
_shtab_b4r_tui b4r-tui "" "${{COMP_WORDS[COMP_CWORD - 1]}}"
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


def completed(folder: Path, *words: str) -> set[str]:
    """What bash offers after these words, in a folder that has the script."""
    ask = ASK.format(script="script", words=" ".join(words), count=len(words))
    done = subprocess.run(["bash", "-c", ask], cwd=folder, capture_output=True, text=True, check=True)
    assert not done.stderr
    return set(done.stdout.split())


@pytest.fixture
def folder(tmp_path: Path, capsys) -> Path:
    assert main(["completion", "bash"]) == 0
    (tmp_path / "script").write_text(capsys.readouterr().out)
    for run in ("base/20260101-000000-aaaa", "wide/20260101-000000-bbbb", ".sweeps/hidden"):
        (tmp_path / "runs" / run / "logs").mkdir(parents=True)
    return tmp_path


def test_bash_offers_the_commands_and_their_choices(folder: Path) -> None:
    assert set(COMMANDS) <= completed(folder, "b4r-tui")
    assert {"finished", "lost"} <= completed(folder, "b4r-tui", "runs", "--state")


def test_bash_offers_experiments_and_runs(folder: Path) -> None:
    offered = {"base", "wide", "20260101-000000-aaaa", "20260101-000000-bbbb"}
    assert completed(folder, "b4r-tui", "stop") >= offered
    assert not {"hidden", "logs", ".sweeps"} & completed(folder, "b4r-tui", "stop")
    assert completed(folder, "b4r-tui", "--tail") == offered


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_takes_its_script(shell: str, tmp_path: Path, capsys) -> None:
    assert main(["completion", shell]) == 0
    script = capsys.readouterr().out
    assert "export-model" in script and "find runs" in script
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not here to read its script")
    (tmp_path / "script").write_text(script)
    subprocess.run([shell, "-n", str(tmp_path / "script")], check=True)


@pytest.mark.skipif(shutil.which("fish") is None, reason="fish is not here")
def test_fish_offers_runs_too(folder: Path, capsys) -> None:
    assert main(["completion", "fish"]) == 0
    (folder / "script").write_text(capsys.readouterr().out)
    ask = "source ./script; complete -C 'b4r-tui show '"
    done = subprocess.run(["fish", "-c", ask], cwd=folder, capture_output=True, text=True, check=True)
    assert {"base", "20260101-000000-bbbb"} <= {line.split("\t")[0] for line in done.stdout.splitlines()}
