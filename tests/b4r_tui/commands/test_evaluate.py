"""How the command treats an evaluation that goes wrong, on real ranks of torchrun with a stand-in for the engine."""

import psutil
import pytest

from b4r_tui.commands.evaluate import find_target
from b4r_tui.reports.evaluation import facts
from b4r_tui.runs.locks import hold
from b4r_tui.runs.programs.evaluate import start
from b4r_tui.runs.records import ExitRecord, write_exit
from b4r_tui.runs.store import RunStore
from engine.contract.errors import B4RError, ExitCode
from engine.contract.options.evaluate import EvaluateOptions
from tests.b4r_tui.conftest import wait_until
from tests.builders import experiment_of

FAIRLY_ENDED = ExitRecord(reason="finished", ended_at=1.0, code=0)


def scripted_run(tmp_path, monkeypatch, body):
    """A finished run, and an engine whose program is this body."""
    package = tmp_path / "stand-in" / "engine" / "programs"
    package.mkdir(parents=True)
    (package.parent / "__init__.py").touch()
    (package / "__init__.py").touch()
    (package / "evaluate.py").write_text(body)
    monkeypatch.setenv("PYTHONPATH", str(package.parent.parent))
    monkeypatch.chdir(tmp_path)
    run = RunStore(tmp_path / "runs").create(experiment_of(launch={"j": "1x2"}))
    write_exit(run.dir, FAIRLY_ENDED)
    return run


@pytest.mark.torchrun
@pytest.mark.parametrize(
    ("body", "said", "code"),
    [
        (
            'if rank == 0: time.sleep(1); print(\'{"type": "failed", "error": "lost its peer", "code": 1}\')\n'
            'else: print(\'{"type": "failed", "error": "fix it", "code": 3}\', flush=True)\n'
            "raise SystemExit(3)",
            "fix it",
            ExitCode.ENVIRONMENT,
        ),
        (
            "if rank == 1: os.kill(os.getpid(), signal.SIGKILL)\ntime.sleep(60)",
            "rank 1 was killed by SIGKILL.*see .*launcher.log",
            ExitCode.RUN_FAILED,
        ),
    ],
)
def test_a_rank_that_fails_is_one_sentence_and_leaves_the_run_as_it_was(
    tmp_path, monkeypatch, body, said, code
):
    head = "import os, signal, time\nrank = int(os.environ['RANK'])\n"
    run = scripted_run(tmp_path, monkeypatch, head + body)
    with pytest.raises(B4RError, match=said) as caught:
        start(run, EvaluateOptions(), lambda *_: None)
    assert caught.value.code == code
    assert {path.name for path in run.dir.iterdir()} == {
        *("config.toml", "status.json", "exit.json", "logs", "evaluations")
    }
    assert run.exit() == FAIRLY_ENDED


@pytest.mark.torchrun
def test_whoever_gives_up_leaves_no_rank_behind(tmp_path, monkeypatch):
    body = (
        "import os, pathlib, time\npathlib.Path(os.environ['RANK']).write_text(str(os.getpid()))\n"
        "if os.environ['RANK'] == '0':\n"  # alone, since lines that two print may run into each other
        '    print(\'{"type": "progress", "phase": "test", "step": 1, "steps": 2}\', flush=True)\ntime.sleep(60)\n'
    )
    run = scripted_run(tmp_path, monkeypatch, body)

    def give_up(*_):
        wait_until(lambda: all((tmp_path / rank).exists() and (tmp_path / rank).read_text() for rank in "01"))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        start(run, EvaluateOptions(), give_up)
    assert not any(psutil.pid_exists(int((tmp_path / rank).read_text())) for rank in "01")


def test_items_unknown_to_the_checkpoint_are_reported(tmp_path):
    result = {
        **{"checkpoint": "x.pth", "checkpoint_sha256": "ab" * 32, "dataset": "lt", "split": "temporal"},
        **{"split_fingerprint": "cd" * 32, "unknown": {"items": 1, "interactions": 7, "users": 2}},
    }
    told = facts(RunStore(tmp_path).create(experiment_of()), result)
    assert told["unknown"].startswith("1 item unknown to the checkpoint, in 7 interactions")
    assert told["unknown"].endswith("together with 2 users")
    assert "unknown" not in facts(RunStore(tmp_path).create(experiment_of()), {**result, "unknown": None})


def test_an_experiments_file_without_a_name_is_answered_with_its_syntax(tmp_path):
    (tmp_path / "mine.pth").touch()
    (tmp_path / "experiments.toml").write_text("[experiments.one]\ndata.dataset_name = 'synthetic'\n")
    with pytest.raises(B4RError, match="FILE#NAME"):
        find_target(tmp_path, str(tmp_path / "mine.pth"), str(tmp_path / "experiments.toml"))


def test_a_run_under_way_keeps_its_own_result(tmp_path):
    run = RunStore(tmp_path).create(experiment_of())
    hold(run.dir / "lock")
    with pytest.raises(B4RError, match="is queued and will evaluate its best checkpoint itself"):
        start(run, EvaluateOptions(), lambda *_: None)


def test_a_checkpoint_in_a_run_is_that_run_s_and_a_run_needs_no_settings(tmp_path):
    run = RunStore(tmp_path).create(experiment_of())
    path = run.dir / "checkpoints" / "epoch_3_model.pth"
    path.parent.mkdir()
    path.touch()
    target = find_target(tmp_path, str(path), None)
    assert target.run.dir == run.dir.resolve() and target.pth == "epoch_3_model.pth"
    assert find_target(tmp_path, run.run_id, None).run == run
    with pytest.raises(B4RError, match="--config is only for a bare checkpoint"):
        find_target(tmp_path, run.run_id, "config.toml")
