"""When a run is saved or stops between two steps: votes, a timer, a signal, and where it stands."""

import json
import os
import signal

import pytest

from engine.contract.config.evaluation import EvaluationConfig
from engine.contract.config.training import TrainingConfig
from engine.runtime.best_epoch import Selection
from engine.training.preemption import Pauses
from engine.training.train_state import Position


def test_a_signal_to_one_rank_stops_all_of_them_after_the_same_step():
    told, other = Pauses(1e6, is_first=False), Pauses(1e6, is_first=True)
    with told.listening():
        os.kill(os.getpid(), signal.SIGTERM)
        sums = [sum(votes) for votes in zip(told.votes(), other.votes(), strict=True)]
    for pauses in (told, other):
        assert not pauses.stop
        pauses.hear(*sums)
        assert pauses.stop and pauses.due


def test_only_the_clock_of_rank_0_counts_and_it_starts_anew_after_each_save():
    first, second = Pauses(1e-9, is_first=True), Pauses(1e-9, is_first=False)
    assert (first.votes(), second.votes()) == ([0.0, 1.0], [0.0, 0.0])
    first.hear(0.0, 1.0)
    assert first.due and not first.stop
    first.saved()
    assert not first.due and Pauses(1e6, is_first=True).votes() == [0.0, 0.0]


def test_outside_of_training_a_signal_does_what_it_did_before():
    before = signal.getsignal(signal.SIGTERM)
    with Pauses(1.0, is_first=True).listening():
        assert signal.getsignal(signal.SIGTERM) is not before
    assert signal.getsignal(signal.SIGTERM) is before


@pytest.mark.parametrize(
    ("ranks", "shares"),
    [(2, [(1.25, 3), (2.5, 4)]), (1, [(3.75, 7)]), (3, [(3.75, 7), (0.0, 0), (0.0, 0)])],
)
def test_the_sums_of_an_unfinished_epoch_are_dealt_out_once(ranks, shares):
    position = Position(2, 7, [[1.25, 3.0], [2.5, 4.0]], 1.0)
    assert [position.share(rank, ranks) for rank in range(ranks)] == shares
    assert Position().share(0, ranks) == (0.0, 0)


def test_what_selects_the_best_epoch_survives_being_written_as_json():
    training = TrainingConfig.model_validate({"early_stopping": {"patience": 3}})
    evaluation = EvaluationConfig(protocols=["full"])
    selections = [Selection(training, evaluation)]
    values = [0.1, 0.30000000000000004, 0.2, 0.25, 0.2, 0.1]
    for epoch, value in enumerate(values):
        resumed = Selection(training, evaluation)
        resumed.restore(json.loads(json.dumps(selections[-1].state(), allow_nan=False)))
        told = [each.update(epoch, {"full": {"ndcg@10": value}}) for each in (selections[-1], resumed)]
        assert told == [value in (0.1, 0.30000000000000004) and epoch < 2] * 2
        assert (resumed.best, resumed.exhausted) == (selections[-1].best, epoch >= 4)
        selections.append(resumed)
