"""Options survive a round trip through a command line, and incompatible ones are refused."""

import argparse

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.contract.errors import B4RError
from engine.contract.options import export_model, recommend
from engine.contract.options.recommend import RecommendOptions


def parsed(module, arguments):
    parser = argparse.ArgumentParser(exit_on_error=False)
    module.add_options(parser)
    return module.options_of(parser.parse_args(arguments))


ids = st.text(st.characters(codec="utf-8", exclude_characters="\r\n\0"), min_size=1).filter(
    lambda text: text == text.strip()
)


@given(users=st.lists(ids, min_size=1, unique=True), k=st.integers(1, 10_000))
def test_users_survive_the_way_to_the_program(users, k):
    options = RecommendOptions(users=tuple(users), k=k, pth="last", as_of="test")
    assert parsed(recommend, recommend.as_arguments(options)) == options


@given(history=st.lists(ids, min_size=1))
def test_a_history_survives_the_way_to_the_program(history):
    options = RecommendOptions(history=tuple(history))
    assert parsed(recommend, recommend.as_arguments(options)) == options


def test_everyone_and_exports_survive_too():
    options = RecommendOptions(everyone=True, out="x y.parquet")
    assert parsed(recommend, recommend.as_arguments(options)) == options
    export = export_model.ModelExport("onnx", "epoch_1_model.pth", "m.onnx")
    assert parsed(export_model, export_model.as_arguments(export)) == export


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "exactly one of"),
        (["--user", "1", "--history", "2"], "exactly one of"),
        (["--all"], "--all and --out FILE must be used together"),
        (["--user", "1", "--out", "x"], "--all and --out FILE must be used together"),
    ],
)
def test_incompatible_options_are_refused(arguments, sentence):
    with pytest.raises(B4RError, match=sentence):
        parsed(recommend, arguments)


@pytest.mark.parametrize("arguments", [["-k", "0"], ["-k", "x"], ["--history", " , "], ["--as-of", "then"]])
def test_values_out_of_range_are_refused(arguments):
    with pytest.raises((argparse.ArgumentError, SystemExit)):
        parsed(recommend, ["--user", "1", *arguments])
