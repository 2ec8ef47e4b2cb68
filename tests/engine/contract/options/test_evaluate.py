"""Options of an evaluation: which result is the run's own, and where others go."""

import argparse
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.contract.errors import B4RError
from engine.contract.options.evaluate import EvaluateOptions, add_options, as_arguments, options_of
from engine.contract.options.evaluate_plan import planned
from tests.builders import experiment_of

RUN = Path("/runs/tiny/1")
TEXTS = st.none() | st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1)
OPTIONS = st.builds(
    EvaluateOptions,
    pth=TEXTS,
    dataset_path=TEXTS,
    dataset_name=TEXTS,
    protocols=st.none() | st.just(("full", "popular-7")),
    metric_ks=st.none() | st.just((3, 1)),
    j=st.none() | st.just("1x2"),
    mode=st.sampled_from([None, "ddp", "dmp"]),
    gpu=st.sampled_from([None, 0, 2, "auto"]),
    run_files=st.booleans(),
    list_length=st.integers(1, 100_000),
)


@given(OPTIONS)
def test_options_survive_the_command_line(options):
    parser = argparse.ArgumentParser(allow_abbrev=False)
    add_options(parser)
    assert options_of(parser.parse_args(as_arguments(options))) == options


@pytest.mark.parametrize(
    "options",
    [
        EvaluateOptions(),
        EvaluateOptions(pth="best", j="1x2", mode="dmp", gpu=0, run_files=True, list_length=5),
        EvaluateOptions(protocols=("full", "popular-10"), metric_ks=(10, 5, 1)),
    ],
)
def test_a_runs_own_settings_give_its_own_result_on_any_ranks(options):
    plan = planned(RUN, experiment_of(), options)
    assert plan.own and plan.result_dir == RUN and plan.folder == RUN / "evaluations" / "own"
    assert plan.experiment.launch.j == (options.j or "1x1")


def test_each_other_choice_has_a_folder_of_its_own():
    choices = [
        EvaluateOptions(pth="last"),
        EvaluateOptions(pth="epoch_0_model.pth"),
        EvaluateOptions(protocols=("full",)),
        EvaluateOptions(metric_ks=(3,)),
        EvaluateOptions(dataset_name="lt", dataset_path="/lt"),
        EvaluateOptions(dataset_name="lt", dataset_path="/other"),
    ]
    plans = [planned(RUN, experiment_of(), options) for options in choices]
    assert not any(plan.own for plan in plans)
    assert len({plan.result_dir for plan in plans}) == len(choices)
    assert [plan.other_data for plan in plans] == [False] * 4 + [True] * 2
    assert planned(RUN, experiment_of(), EvaluateOptions(pth="last", j="1x2")).folder == plans[0].folder
    assert plans[1].folder.name.startswith("epoch_0_model_synthetic_")


def test_columns_of_custom_data_do_not_apply_to_another_format():
    data = {"dataset_name": "csv", "dataset_path": "/x.csv", "columns": {"user": "who"}}
    plan = planned(RUN, experiment_of(data=data), EvaluateOptions(dataset_name="lt", dataset_path="/lt"))
    assert plan.experiment.data.columns is None
    plan = planned(RUN, experiment_of(data=data), EvaluateOptions(dataset_path="/y.csv"))
    assert plan.experiment.data.columns.user == "who"


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (
            EvaluateOptions(protocols=("hardest-3",)),
            "evaluation.protocols.*'hardest-3' is not a valid protocol",
        ),
        (EvaluateOptions(j="2x2"), "launch.hosts: 2x2 needs 2 hosts, but none is listed; list 2"),
        (EvaluateOptions(dataset_name="lt"), "data.dataset_path: is missing; set it to the folder of lt"),
    ],
)
def test_options_that_do_not_fit_the_settings_give_one_sentence(options, sentence):
    with pytest.raises(B4RError, match=sentence):
        planned(RUN, experiment_of(), options)
