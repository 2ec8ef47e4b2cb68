"""How the command treats an evaluation that goes wrong, on real ranks of torchrun with a stand-in for the engine."""

import pytest

from b4r_tui.evaluation import find_target, measure
from b4r_tui.runs.locks import hold
from b4r_tui.runs.records import ExitRecord, write_exit
from b4r_tui.runs.store import RunStore
from engine.errors import B4RError, ExitCode
from engine.evaluate_options import EvaluateOptions
from tests.builders import experiment_of

FAIRLY_ENDED = ExitRecord(reason="finished", ended_at=1.0, code=0)


def scripted_run(tmp_path, monkeypatch, body):
    """A finished run, and an engine whose program is this body."""
    package = tmp_path / "stand-in" / "engine"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "evaluate.py").write_text(body)
    monkeypatch.setenv("PYTHONPATH", str(package.parent))
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
            'else: print(\'{"type": "failed", "error": "mend it", "code": 3}\', flush=True)\n'
            "raise SystemExit(3)",
            "mend it",
            ExitCode.ENVIRONMENT,
        ),
        (
            "if rank == 1: os.kill(os.getpid(), signal.SIGKILL)\ntime.sleep(60)",
            "rank 1 was killed by SIGKILL.*launcher.log says more",
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
        measure(run, EvaluateOptions(), lambda *_: None)
    assert caught.value.code == code
    assert {path.name for path in run.dir.iterdir()} == {
        *("config.toml", "status.json", "exit.json", "logs", "evaluations")
    }
    assert run.exit() == FAIRLY_ENDED


def test_a_run_under_way_keeps_its_own_result(tmp_path):
    run = RunStore(tmp_path).create(experiment_of())
    hold(run.dir / "lock")
    with pytest.raises(B4RError, match="is queued and tests its best checkpoint by itself"):
        measure(run, EvaluateOptions(), lambda *_: None)


def test_a_checkpoint_in_a_run_is_that_run_s_and_a_run_needs_no_settings(tmp_path):
    run = RunStore(tmp_path).create(experiment_of())
    path = run.dir / "checkpoints" / "epoch_3_model.pth"
    path.parent.mkdir()
    path.touch()
    target = find_target(tmp_path, str(path), None)
    assert target.run.dir == run.dir.resolve() and target.pth == "epoch_3_model.pth"
    assert find_target(tmp_path, run.run_id, None).run == run
    with pytest.raises(B4RError, match="--config goes with a bare checkpoint"):
        find_target(tmp_path, run.run_id, "config.toml")
