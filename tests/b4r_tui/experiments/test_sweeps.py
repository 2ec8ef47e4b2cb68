"""Sweep tables: points and names are the same every time, and nonsense is told where it stands."""

from __future__ import annotations

import re
from pathlib import Path

import jsonschema
import pytest
import tomli
from hypothesis import given
from hypothesis import strategies as st

from b4r_tui.commands.main import main
from b4r_tui.experiments.load import load_experiments
from b4r_tui.experiments.schema import file_schema
from b4r_tui.experiments.sweep.options import SweepOptions, seconds_of
from b4r_tui.experiments.sweep.plan import SweepPlan, drawn
from b4r_tui.experiments.sweep.spaces import Choices, Range
from engine.contract.config.experiment import NAME_PATTERN
from engine.contract.errors import ExitCode

HEAD = "defaults.data.dataset_name = 'synthetic'\n[experiments.x.sweep]\n"
SEARCH = "method = 'random'\n"
EXAMPLE = Path(__file__).resolve().parents[3] / "examples" / "search.toml"

numbers = st.floats(1e-6, 1e6).flatmap(lambda low: st.tuples(st.just(low), st.floats(low * 1.5, low * 1e4)))
ranges = st.one_of(
    st.builds(lambda ends, log: Range(*ends, log=log), numbers, st.booleans()),
    st.builds(
        lambda low, width, step: Range(low, low + width + step, step=step, whole=True),
        *(st.integers(1, 500), st.integers(0, 500), st.integers(1, 20)),
    ),
    st.builds(lambda low, width: Range(low, low + width, log=True, whole=True), *(st.integers(1, 500),) * 2),
)
spaces = st.one_of(ranges, st.builds(Choices, st.lists(st.integers(), min_size=1, unique=True).map(tuple)))


def points_of(path: Path) -> list[tuple[str, dict[str, object], list[str]]]:
    points = load_experiments(path).sweeps["x"].points
    return [(each.name, each.values, [one.name for one in each.experiments]) for each in points]


@given(spaces, st.floats(0.0, 1.0, exclude_max=True))
def test_what_is_drawn_lies_in_its_space(space, share: float) -> None:
    value = space.at(share)
    if isinstance(space, Choices):
        assert value in space.values
        return
    assert space.low <= value <= space.high
    if space.whole:
        assert isinstance(value, int)
        assert (value - space.low) % (space.step or 1) == 0


@given(st.dictionaries(st.sampled_from("abc"), spaces, min_size=1), st.integers(0, 9), st.integers(1, 12))
def test_points_depend_on_the_seed_and_more_samples_leave_earlier_ones(axes, seed: int, count: int) -> None:
    plan = SweepPlan("x", SweepOptions(method="random", seed=seed), {(key,): axes[key] for key in axes})
    some, more = drawn(plan, count), drawn(plan, count + 5)
    assert more[: len(some)] == some == drawn(plan, count)
    assert len({repr(each) for each in more}) == len(more)
    backwards = SweepPlan("x", plan.options, dict(reversed(plan.axes.items())))
    assert drawn(backwards, count) == some, "the order of keys in the file does not matter"


def test_drawn_points_are_what_they_were_in_every_version(tmp_path: Path) -> None:
    path = tmp_path / "e.toml"
    path.write_text(
        HEAD + SEARCH + "samples = 2\nseeds = [1, 2]\n'training.lr' = {low = 1e-4, high = 1e-2, log = true}\n"
        "model.emb_dim = {low = 16, high = 64, step = 16}\nmodel.dropout = [0.1, 0.2]"
    )
    assert points_of(path) == [
        (
            "x.001",
            {"training.lr": 0.00241449, "model.emb_dim": 48, "model.dropout": 0.2},
            ["x.001-s1", "x.001-s2"],
        ),
        (
            "x.002",
            {"training.lr": 0.000415225, "model.emb_dim": 64, "model.dropout": 0.1},
            ["x.002-s1", "x.002-s2"],
        ),
    ]


def test_a_small_space_is_drawn_whole_and_no_point_twice(tmp_path: Path) -> None:
    path = tmp_path / "e.toml"
    path.write_text(
        HEAD + SEARCH + "samples = 20\nmodel.num_layers = {low = 1, high = 3}\nmodel.norm = ['pre', 'post']"
    )
    assert len(points_of(path)) == 6


def test_values_that_make_no_good_names_are_numbered(tmp_path: Path) -> None:
    path = tmp_path / "e.toml"
    path.write_text(HEAD + "'launch.env.A' = ['a b', 'a_b', 'c']\nseeds = [1]")
    assert [names for _, _, names in points_of(path)] == [["x.001-s1"], ["x.002-s1"], ["x.003-s1"]]
    path.write_text(HEAD + f"evaluation.metric_ks = [{list(range(5, 60))}, [10]]")
    names = [name for _, _, members in points_of(path) for name in members]
    assert names == ["x.001", "x.002"]
    assert all(map(NAME_PATTERN.fullmatch, names))


def test_validate_tells_how_many_runs_a_sweep_makes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "e.toml"
    path.write_text(HEAD + SEARCH + "seeds = [1, 2, 3]\n'training.lr' = {low = 0.1, high = 0.2}")
    assert main(["validate", str(path)]) == ExitCode.OK
    assert "  sweep of x: random, 20 points × 3 seeds: 60 runs" in capsys.readouterr().out


BAD = {
    "low above high": (
        SEARCH + "'training.lr' = {low = 1.0, high = 0.1}",
        4,
        "must be greater than low = 1.0",
    ),
    "logarithm of 0": (SEARCH + "'training.lr' = {low = 0, high = 1, log = true}", 4, "has no logarithm"),
    "no high": (SEARCH + "training.lr = {low = 0.1}", 4, "is missing"),
    "unknown part": (SEARCH + "training.lr = {low = 0.1, hgh = 1.0}", 4, "did you mean 'high'?"),
    "log and step": (
        SEARCH + "training.lr = {low = 1, high = 9, log = true, step = 1}",
        4,
        "cannot be combined with log",
    ),
    "step of nothing": (SEARCH + "model.nhead = {low = 1, high = 9, step = 0}", 4, "greater than 0"),
    "fraction": (SEARCH + "model.nhead = {low = 1, high = 2.5}", 4, "2.5 is not a whole number"),
    "out of range": (SEARCH + "model.dropout = {low = 0.0, high = 1.5}", 4, "1.5 must be less than 1"),
    "a choice out of range": (SEARCH + "model.dropout = {choices = [0.1, 2]}", 4, "must be less than 1"),
    "no choice": (SEARCH + "model.norm = {choices = []}", 4, "is an empty list"),
    "no multiple": (SEARCH + "model.emb_dim = {low = 16, high = 64}", 4, "must be a multiple of 4"),
    "unknown setting": (SEARCH + "'training.lrr' = {low = 0.1, high = 1.0}", 4, "did you mean 'lr'?"),
    "range of a text": (SEARCH + "model.norm = {low = 1, high = 2}", 4, "is not valid"),
    "range in a grid": ("'training.lr' = {low = 0.1, high = 1.0}", 3, "is a range, which a grid cannot use"),
    "unknown option": ("methd = 'random'", 3, "did you mean 'method'?"),
    "unknown method": (
        "method = 'tpe'\n'training.lr' = [0.1]",
        3,
        "is not valid; use grid, random or optuna",
    ),
    "budget": ("budget = '4 hrs'\nseeds = [1]", 3, "is not a time span"),
    "samples of a grid": ("samples = 3\nseeds = [1]", 3, 'has no effect with method = "grid"'),
    "pruned at random": (SEARCH + "prune = 'median'\nmodel.nhead = [1, 2]", 4, "or use method = optuna"),
    "nothing to draw": (SEARCH + "seeds = [1]", 2, "has nothing to sweep"),
    "other data": (SEARCH + "data.min_rating = [0.0, 1.0]", 4, "changes what is measured"),
    "seeds as a setting": (SEARCH + "training.seed = [1, 2]", 4, "write seeds = [...]"),
    "optuna's points": ("method = 'optuna'\nmodel.emb_dim = {low = 16, high = 64}", 4, "a multiple of 4"),
}


@pytest.mark.parametrize("case", BAD)
def test_nonsense_is_told_with_line_and_key(
    case: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text, line, sentence = BAD[case]
    path = tmp_path / "e.toml"
    path.write_text(HEAD + text)
    assert main(["validate", str(path)]) == ExitCode.BAD_INPUT
    said = capsys.readouterr().err.splitlines()
    start = f"b4r-tui: {path}:{line}: experiments.x.sweep"
    assert any(each.startswith(start) and sentence in each for each in said), said


@pytest.mark.parametrize(
    ("span", "seconds"),
    [("4h", 14400), ("90m", 5400), ("1d 12h", 129600), ("1.5h", 5400), ("4", None), ("", None)],
)
def test_time_spans(span: str, seconds: float | None) -> None:
    assert seconds_of(span) == seconds


def test_the_schema_takes_the_sweeps_that_the_program_takes_and_no_other(tmp_path: Path) -> None:
    checker = jsonschema.Draft7Validator(file_schema())
    assert not list(checker.iter_errors(tomli.loads(EXAMPLE.read_text())))
    good = (
        "training.early_stopping.patience = {low = 1, high = 3}\nlaunch.env.A = ['1']\n'launch.env.B' = ['1']\n"
        "'training.early_stopping.metric' = ['mrr']\nmodel = {nhead = [1, 2], dropout = {choices = [0.1]}}\n"
    )
    path = tmp_path / "e.toml"
    path.write_text(HEAD + SEARCH + good)
    load_experiments(path)
    assert not list(checker.iter_errors(tomli.loads(HEAD + SEARCH + good)))
    for bad in (
        "method = 'tpe'",
        "'training.lrr' = [1]",
        "model.norm = {low = 1, high = 2}",
        "model.nhead = [0]",
    ):
        assert list(checker.iter_errors(tomli.loads(HEAD + bad))), bad


def test_the_example_is_in_order_and_says_what_it_runs(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["validate", str(EXAMPLE)]) == ExitCode.OK
    out = capsys.readouterr().out
    assert re.findall(r"sweep of \S+: (.*)", out) == [
        "grid, 4 points × 3 seeds: 12 runs",
        "random, 8 points: 8 runs",
        "optuna, 12 points: 12 runs",
    ]
