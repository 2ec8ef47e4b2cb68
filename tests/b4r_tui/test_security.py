"""What others put into files, names and folders must neither run nor reach the terminal."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from b4r_tui.commands.main import main
from b4r_tui.experiments.load import ExperimentFileError, load_experiments
from b4r_tui.runs.launch import launch
from b4r_tui.runs.ownership import SHARED_VARIABLE, check_root
from b4r_tui.runs.resume import resume
from b4r_tui.runs.store import RunStore
from b4r_tui.runs.supervision import torchrun
from engine.contract.config.experiment import Experiment
from engine.contract.errors import B4RError, ExitCode
from engine.contract.sanitize import is_safe, sanitize, sanitize_within
from tests.b4r_tui.conftest import GOOD, wait_for_end
from tests.builders import experiment_of
from tests.conftest import ROOT

BAD_NAMES = ["..", ".", "../up", "a/b", "/etc", ".hidden", "a\\u001b[2J", "a\\nb", "a b", "$(id)", "a;b", ""]
SYNTHETIC = 'data = {dataset_name = "synthetic"}\n'


def refused(folder: Path, text: str) -> str:
    path = folder / "experiments.toml"
    path.write_text(text)
    with pytest.raises(ExperimentFileError) as caught:
        load_experiments(path)
    return str(caught.value)


@pytest.mark.parametrize("name", BAD_NAMES)
def test_an_experiment_cannot_be_named_like_a_path_or_a_command(tmp_path: Path, name: str) -> None:
    said = refused(tmp_path, f'[experiments."{name}"]\n{SYNTHETIC}')
    assert is_safe(said), "not even the message may carry it to the terminal"


@pytest.mark.parametrize("name", ["..", "../../etc", "a/../../b", "\x1b[2J", "a\nb", "-rf", "."])
@pytest.mark.parametrize("command", ["show", "stop", "resume", "evaluate", "fairness", "export-model"])
def test_a_run_cannot_be_named_out_of_the_root(
    tmp_path: Path, name: str, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--runs", str(tmp_path / "runs"), command, "--", name]) == ExitCode.BAD_INPUT
    out, err = capsys.readouterr()
    assert not out
    assert is_safe(err)


@pytest.mark.parametrize("name", ["../up", "a\x1b[2J"])
def test_a_chosen_name_that_is_none_is_refused_unseen(
    tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "e.toml").write_text(f"[experiments.a]\n{SYNTHETIC}")
    code = main(["--runs", str(tmp_path), "launch", str(tmp_path / "e.toml"), "--only", name])
    assert code == ExitCode.BAD_INPUT
    assert is_safe(capsys.readouterr().err)


def test_a_description_with_control_characters_is_refused(tmp_path: Path) -> None:
    said = refused(tmp_path, f'[experiments.a]\ndescription = "hi \\u001b]0;owned\\u0007"\n{SYNTHETIC}')
    assert "control characters" in said
    assert is_safe(said)


@pytest.mark.parametrize(
    "launch", ['j = "1x1; touch OWNED"', 'j = "$(touch OWNED)"', 'scheduler = "local; touch OWNED"',
               'env = {"A;touch OWNED" = "1"}', 'env = {B4R_RUN_DIR = "/"}', 'script = "x.py; touch OWNED"']
)  # fmt: skip
def test_what_could_be_a_command_is_refused(tmp_path: Path, launch: str) -> None:
    assert "launch." in refused(tmp_path, f"[experiments.a]\n{SYNTHETIC}[experiments.a.launch]\n{launch}\n")


@pytest.mark.usefixtures("fake_torchrun")
def test_settings_reach_the_ranks_as_they_are_and_never_a_shell(
    store: RunStore, scripted: Callable[..., Experiment], tmp_path: Path
) -> None:
    owned = tmp_path / "OWNED"
    words = f"$(touch {owned}) `touch {owned}`; touch {owned} & | > {owned}"
    body = "(run / 'seen').write_text(os.environ['WORDS'])\n" + GOOD
    experiment = scripted(body, "a", env={"WORDS": words})
    odd = tmp_path / f"x; touch {owned.name} $(id).py"
    odd.write_text(Path(experiment.launch.script or "").read_text())
    launched = experiment.model_copy(
        update={"launch": experiment.launch.model_copy(update={"script": str(odd)})}
    )
    (run,) = launch(store, [launched])
    wait_for_end(run)
    assert (run.dir / "seen").read_text() == words
    assert str(odd) in torchrun.command(run, launched.launch)
    assert not owned.exists()
    assert not list(run.dir.glob("OWNED"))


def test_no_program_is_started_through_a_shell() -> None:
    sources = [*(ROOT / "b4r_tui").rglob("*.py"), *(ROOT / "engine").rglob("*.py")]
    assert sources
    for path in sources:
        assert not any(word in path.read_text() for word in ("shell=True", "os.system(", "os.popen(")), path


@pytest.mark.parametrize(
    ("mode", "owner", "refusal"),
    [
        (0o700, None, None),
        (0o755, None, None),
        (0o1777, None, None),
        (0o777, None, "every user"),
        (0o702, None, "every user"),
        (0o755, 12345, "belongs to user 12345"),
    ],
)
def test_a_runs_root_that_others_own_or_write_is_refused(
    tmp_path: Path, mode: int, owner: int | None, refusal: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "runs"
    root.mkdir()
    root.chmod(mode)
    if owner is not None:
        if os.geteuid():
            pytest.skip("needs the right to give files away")
        os.chown(root, owner, -1)
    if refusal is None:
        check_root(root)
        return
    with pytest.raises(B4RError, match=refusal) as caught:
        RunStore(root).create(experiment_of())
    assert caught.value.code is ExitCode.ENVIRONMENT
    assert not list(root.iterdir())
    monkeypatch.setenv(SHARED_VARIABLE, "1")
    RunStore(root).create(experiment_of())


def test_a_group_may_write_only_where_it_is_ones_own(tmp_path: Path) -> None:
    if os.geteuid():
        pytest.skip("needs the right to give files away")
    tmp_path.chmod(0o770)
    os.chown(tmp_path, -1, 54321)
    with pytest.raises(B4RError, match="users of its group"):
        check_root(tmp_path)


def test_a_run_in_a_folder_that_others_write_is_not_resumed(store: RunStore) -> None:
    run = store.create(experiment_of())
    run.dir.chmod(0o777)
    with pytest.raises(B4RError, match="every user"):
        resume(run)


def test_links_out_of_the_root_are_neither_listed_nor_written_through(
    store: RunStore, tmp_path: Path
) -> None:
    elsewhere = RunStore(tmp_path / "elsewhere").create(experiment_of())
    store.root.mkdir(mode=0o700)
    (store.root / "tiny").symlink_to(elsewhere.dir.parent)
    with pytest.raises(B4RError, match="is a symbolic link"):
        store.create(experiment_of())
    (store.root / "tiny").unlink()
    run = store.create(experiment_of())
    (run.dir.parent / "20200101-000000-0000").symlink_to(elsewhere.dir)
    assert [each.run_id for each in store.runs()] == [run.run_id]


@pytest.mark.usefixtures("fake_torchrun")
def test_all_that_a_run_leaves_is_private_even_with_an_open_umask(
    store: RunStore, scripted: Callable[..., Experiment]
) -> None:
    before = os.umask(0)
    try:
        (run,) = launch(store, [scripted("(run / 'made').write_text('x')\n(run / 'dir').mkdir()\n" + GOOD)])
        wait_for_end(run)
    finally:
        os.umask(before)
    for path in [store.root, run.dir.parent, run.dir, *run.dir.rglob("*")]:
        assert not stat.S_IMODE(path.stat().st_mode) & 0o077, path


def test_events_cannot_steer_the_terminal(store: RunStore, capsys: pytest.CaptureFixture[str]) -> None:
    run = store.create(experiment_of())
    evil = "\x1b]0;owned\x07\x9b2J\r\u202e"
    line = {"v": 1, "t": 1.0, "type": "run_failed", "error": evil, "rank": 0, "traceback": evil}
    run.events_path.write_text(json.dumps(line) + "\n")
    (run.dir / "exit.json").write_text(
        json.dumps(
            {
                "reason": "failed",
                "ended_at": 2.0,
                "error": evil,
                "card": {"sentence": evil, "excerpt": [evil]},
            }
        )
    )
    for arguments in (["runs"], ["show", run.run_id]):
        assert main(["--runs", str(store.root), *arguments]) == ExitCode.OK
    assert is_safe(capsys.readouterr().out)


def test_harmless_keeps_what_people_write() -> None:
    assert sanitize("Amélie\t(2001)\n日本") == "Amélie\t(2001)\n日本"
    assert sanitize_within({"a\x1b": ["\x00", 1, None]}) == {"a\ufffd": ["\ufffd", 1, None]}


@pytest.mark.torchrun
def test_a_pickle_that_would_run_code_is_refused_as_a_checkpoint(tmp_path: Path) -> None:
    script = """
import os, pickle, sys
from pathlib import Path
import torch
from engine.contract.errors import B4RError
from engine.runtime.checkpoints.epoch_files import read_checkpoint
from engine.runtime.checkpoints.safe_reader import SafeReader
folder = Path(sys.argv[1])
class Evil:
    def __reduce__(self):
        return os.system, (f"touch {folder / 'OWNED'}",)
torch.save({"model": {}, "epoch": 0, "item_ids": Evil(), "split_fingerprint": ""}, folder / "new.pth")
torch.save(Evil(), folder / "old.pth", _use_new_zipfile_serialization=False)
(folder / "bare.pth").write_bytes(pickle.dumps(Evil()))
(folder / "last").mkdir()
(folder / "last" / ".metadata").write_bytes(pickle.dumps(Evil()))
reads = [lambda name=name: read_checkpoint(folder / name) for name in ("new.pth", "old.pth", "bare.pth")]
for read in [*reads, lambda: SafeReader(folder / "last").read_metadata()]:
    try:
        read()
    except B4RError as error:
        print(error.sentence)
"""
    command = [sys.executable, "-c", script, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    said = done.stdout.splitlines()
    assert len(said) == 4, done.stdout + done.stderr
    assert all("not a checkpoint" in line or "posix.system" in line for line in said)
    assert not (tmp_path / "OWNED").exists()
