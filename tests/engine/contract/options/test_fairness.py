"""Options survive a round trip through a command line, and invalid ones are refused."""

import argparse

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.contract.options.fairness import (
    CONVENTIONS,
    RANKERS,
    FairnessOptions,
    add_options,
    as_arguments,
    options_of,
)


def parsed(arguments):
    parser = argparse.ArgumentParser(allow_abbrev=False)
    add_options(parser)
    return options_of(parser.parse_args(arguments))


positive = st.floats(1e-6, 1e6)


@given(
    st.builds(
        FairnessOptions,
        users=st.none() | st.just("some groups.csv"),
        temperatures=st.lists(positive, min_size=1, max_size=4, unique=True).map(tuple),
        samples=st.integers(1, 1000),
        seed=st.integers(0, 2**63 - 1),
        scale=st.sampled_from(["none", "normalise"]) | positive.map(repr),
        convention=st.sampled_from(CONVENTIONS),
        ranker=st.sampled_from(RANKERS),
        relevant_rating=st.floats(-10, 10),
    )
)
def test_options_come_back_from_their_arguments(options):
    assert parsed(as_arguments(options)) == options


def test_no_arguments_are_the_defaults():
    assert parsed([]) == FairnessOptions()


WRONG = {
    "temperatures": ["1,0", "1,1", ""],
    "samples": ["0", "1.5"],
    "seed": ["-1"],
    "scale": ["0", "big"],
    "convention": ["mine"],
    "relevant-rating": ["nan"],
    "ranker": ["random"],
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name in WRONG for value in WRONG[name]])
def test_wrong_choices_are_refused(name, value):
    with pytest.raises(SystemExit) as caught:
        parsed([f"--{name}={value}"])
    assert caught.value.code == 2
