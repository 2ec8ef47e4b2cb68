"""When a run is saved or stops between two steps: votes, a timer, a signal, and its position."""

import json
import os
import signal

import pytest

from engine.contract.config.evaluation import EvaluationConfig
from engine.contract.config.training import TrainingConfig
from engine.runtime.best_epoch import EpochSelection
from engine.training.preemption import Preemption
from engine.training.train_state import TrainState


def test_a_signal_to_one_rank_stops_all_of_them_after_the_same_step():
    signalled, other = Preemption(1e6, is_first=False), Preemption(1e6, is_first=True)
    with signalled.sigterm_deferred():
        os.kill(os.getpid(), signal.SIGTERM)
        sums = [sum(votes) for votes in zip(signalled.votes(), other.votes(), strict=True)]
    for preemption in (signalled, other):
        assert not preemption.stop
        preemption.count(*sums)
        assert preemption.stop and preemption.save_due


def test_only_the_clock_of_rank_0_counts_and_it_restarts_after_each_save():
    first, second = Preemption(1e-9, is_first=True), Preemption(1e-9, is_first=False)
    assert (first.votes(), second.votes()) == ([0.0, 1.0], [0.0, 0.0])
    first.count(0.0, 1.0)
    assert first.save_due and not first.stop
    first.note_saved()
    assert not first.save_due and Preemption(1e6, is_first=True).votes() == [0.0, 0.0]


def test_the_earlier_signal_handler_is_restored_after_training():
    before = signal.getsignal(signal.SIGTERM)
    with Preemption(1.0, is_first=True).sigterm_deferred():
        assert signal.getsignal(signal.SIGTERM) is not before
    assert signal.getsignal(signal.SIGTERM) is before


@pytest.mark.parametrize(
    ("ranks", "shares"),
    [(2, [(1.25, 3), (2.5, 4)]), (1, [(3.75, 7)]), (3, [(3.75, 7), (0.0, 0), (0.0, 0)])],
)
def test_the_totals_of_an_unfinished_epoch_are_handed_out_once(ranks, shares):
    state = TrainState(2, 7, [[1.25, 3.0], [2.5, 4.0]], 1.0)
    assert [state.share(rank, ranks) for rank in range(ranks)] == shares
    assert TrainState().share(0, ranks) == (0.0, 0)


def test_the_epoch_selection_survives_a_round_trip_through_json():
    training = TrainingConfig.model_validate({"early_stopping": {"patience": 3}})
    evaluation = EvaluationConfig(protocols=["full"])
    selections = [EpochSelection(training, evaluation)]
    values = [0.1, 0.30000000000000004, 0.2, 0.25, 0.2, 0.1]
    for epoch, value in enumerate(values):
        resumed = EpochSelection(training, evaluation)
        resumed.restore(json.loads(json.dumps(selections[-1].state(), allow_nan=False)))
        best = [each.update(epoch, {"full": {"ndcg@10": value}}) for each in (selections[-1], resumed)]
        assert best == [value in (0.1, 0.30000000000000004) and epoch < 2] * 2
        assert (resumed.best, resumed.exhausted) == (selections[-1].best, epoch >= 4)
        selections.append(resumed)
