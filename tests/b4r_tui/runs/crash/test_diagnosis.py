"""Why a run failed, from its logs."""

from __future__ import annotations

import pytest

from b4r_tui.runs.crash.diagnosis import diagnose
from b4r_tui.runs.store import Run, RunStore
from engine.contract.config.experiment import Experiment

REPORT = """\
E0101 00:00:00.000000 1 torch/api.py:1] failed (exitcode: 1) local_rank: 1 (pid: 7) of binary: python
Traceback (most recent call last):
  File "x", line 1
torch.distributed.elastic.multiprocessing.errors.ChildFailedError:
============================================================
Failures:
[1]:
  rank      : 0 (local_rank: 0)
  exitcode  : -15 (pid: 6)
------------------------------------------------------------
Root Cause (first observed failure):
[0]:
  time      : 2026-01-01_00:00:00
  rank      : 1 (local_rank: 1)
  exitcode  : 1 (pid: 7)
"""


@pytest.fixture
def run(store: RunStore) -> Run:
    return store.create(Experiment.model_validate({"name": "a", "data": {"dataset_name": "synthetic"}}))


def test_the_first_rank_to_fail_is_reported_with_its_last_exception(run: Run) -> None:
    run.log_path().write_text(REPORT)
    run.log_path(1).write_text("[rank1]: Traceback\n[rank1]: pkg.OddError: too odd\n[rank1]: see above\n")
    failure = diagnose(run, 1)
    assert (failure.rank, failure.code, failure.signal) == (1, 1, None)
    assert failure.sentence == "rank 1 ended with exit code 1: pkg.OddError: too odd"
    assert failure.traceback.startswith("Traceback\npkg.OddError")


def test_an_exception_in_the_launcher_log_is_found_before_torchruns_own(run: Run) -> None:
    run.log_path().write_text("Traceback\nKeyError: 'x'\n" + REPORT)
    run.log_path(1).write_text("just chatting\n")
    assert diagnose(run, 1).sentence == "rank 1 ended with exit code 1: KeyError: 'x'"


def test_torchrun_itself_may_fail(run: Run) -> None:
    run.log_path().write_text("/usr/bin/python: No module named torch\n")
    failure = diagnose(run, 1)
    assert (failure.rank, failure.sentence) == (
        None,
        "torchrun ended with exit code 1: /usr/bin/python: No module named torch",
    )


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        (-9, "torchrun was killed by SIGKILL; the usual cause is that the machine ran out of memory"),
        (-11, "torchrun was killed by SIGSEGV; native code crashed, see its log"),
        (-200, "torchrun was killed by signal 200"),
    ],
)
def test_signals_are_named(run: Run, code: int, sentence: str) -> None:
    failure = diagnose(run, code)
    assert (failure.code, failure.signal, failure.sentence) == (None, -code, sentence)


def test_a_silent_end_is_reported_as_such(run: Run) -> None:
    assert diagnose(run, 1).sentence == "torchrun ended with exit code 1 without any output"
