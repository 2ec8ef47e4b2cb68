"""Which epoch is best and when training stops: by the configured metrics, counted in validations."""

from engine.runtime.best_epoch import EpochSelection
from tests.builders import experiment_of


def selection_of(**settings):
    experiment = experiment_of(training=settings, evaluation={"select_by": "ndcg@10"})
    return EpochSelection(experiment.training, experiment.evaluation)


def metrics(ndcg, recall=0.0):
    return {"full": {"ndcg@10": ndcg, "recall@10": recall}, "popular-10": {"ndcg@10": 1.0, "recall@10": 1.0}}


def test_the_best_epoch_is_the_earliest_of_the_highest_on_the_first_protocol():
    selection = selection_of()
    values = [0.1, 0.3, 0.3, 0.2]
    assert [selection.update(epoch, metrics(value)) for epoch, value in enumerate(values)] == [
        True,
        True,
        False,
        False,
    ]
    assert selection.best.epoch == 1 and not selection.exhausted


def test_patience_counts_validations_not_epochs():
    selection = selection_of(early_stopping={"patience": 2})
    ended = []
    for epoch in (4, 9, 14):  # evaluation.every = 5
        selection.update(epoch, metrics(0.5 - epoch / 100))
        ended.append(selection.exhausted)
    assert ended == [False, False, True] and selection.best.epoch == 4


def test_the_metric_that_ends_a_run_may_be_another_than_the_one_that_selects():
    selection = selection_of(early_stopping={"metric": "recall@10", "patience": 1})
    selection.update(0, metrics(ndcg=0.2, recall=0.2))
    assert not selection.update(1, metrics(ndcg=0.1, recall=0.3))
    assert not selection.exhausted and selection.best.epoch == 0
    assert selection.update(2, metrics(ndcg=0.9, recall=0.1))
    assert selection.exhausted and selection.best.epoch == 2
