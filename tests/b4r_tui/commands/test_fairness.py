"""What the command shows of a fairness result, and how it treats a measurement that goes wrong."""

import sys
from pathlib import Path

import pytest

from b4r_tui.commands.fairness import _plot
from b4r_tui.reports.fairness import METRICS, curve_lines, fairness_table, notes
from b4r_tui.reports.table import as_lines
from b4r_tui.runs.programs import fairness
from b4r_tui.runs.store import RunStore
from engine.contract.errors import B4RError, ExitCode
from engine.contract.options.fairness import FairnessOptions
from tests.builders import experiment_of


def point(temperature, ndcg, value):
    parts = {"F": value, "D": value, "R": 0.0, "T2": 0.0}
    return {"temperature": temperature, "ndcg@10": ndcg, "metrics": dict.fromkeys(METRICS, parts)}


def result_of(*points):
    groups = {"kind": "gender", "sizes": {"F": 2, "M": 3}, "outside": 1, "unknown_ids": 2}
    return {
        "points": list(points),
        "user_groups": groups,
        "item_groups": groups | {"outside": 0, "unknown_ids": 0},
    }


def test_the_table_has_a_row_for_each_temperature_and_metric():
    lines = as_lines(fairness_table(result_of(point(None, 0.2, 0.5), point(8.0, 0.1, 0.25))))
    assert len(lines) == 2 + 12
    assert lines[2].split() == [
        "static",
        "0.2000",
        "II-F",
        "5.000e-01",
        "5.000e-01",
        "0.000e+00",
        "0.000e+00",
    ]
    assert lines[8].split()[:3] == ["8", "0.1000", "II-F"]


def test_the_curve_goes_from_the_least_to_the_most_accurate():
    lines = curve_lines(result_of(point(None, 0.2, 0.5), point(8.0, 0.1, 0.25)), width=40)
    assert all(len(line) <= 40 for line in lines[1:-1])
    assert lines[1].startswith("  1.000 │") and lines[1].endswith(" ◆")  # the static point, top right
    assert lines[14].startswith("  0.500 │◆")  # half of it, at the least NDCG
    assert lines[16].split() == ["0.1000", "0.2000"]


@pytest.mark.parametrize("value", [0.0, 0.3])
def test_a_curve_of_one_place_is_drawn_too(value):
    assert sum("◆" in line for line in curve_lines(result_of(point(None, 0.0, value)), 10)[:-1]) == 1


def test_notes_report_ids_without_a_group():
    assert notes(result_of()) == [
        "IDs in the groups file that are not in the data: 2 users",
        "in no group: 1 user",
    ]


def test_without_matplotlib_the_plot_is_reported_as_missing(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    said = _plot(result_of(point(None, 0.2, 0.5)), tmp_path / "x.json")
    assert said == "none: install matplotlib with pip install 'b4r-tui[plots]'"
    assert not list(tmp_path.iterdir())


def scripted_run(tmp_path, monkeypatch, body):
    """A run, and an engine whose program is this body."""
    package = tmp_path / "stand-in" / "engine" / "programs"
    package.mkdir(parents=True)
    (package.parent / "__init__.py").touch()
    (package / "__init__.py").touch()
    (package / "measure_fairness.py").write_text(body)
    monkeypatch.setenv("PYTHONPATH", str(package.parent.parent))
    monkeypatch.chdir(tmp_path)
    return RunStore(tmp_path / "runs").create(experiment_of())


def test_progress_is_passed_on_and_other_lines_are_not(tmp_path, monkeypatch):
    said = '{"type": "progress", "phase": "rank", "step": 1, "steps": 2}\\nnoise\\n{"type": "done", "path": "/x"}'
    run, told = scripted_run(tmp_path, monkeypatch, f"print('{said}')"), []
    assert fairness.start(run, FairnessOptions(), lambda *step: told.append(step)) == Path("/x")
    assert ("rank", 1, 2) in told and set(told) <= {("", 0, 0), ("rank", 1, 2)}  # a slow start is told of too


@pytest.mark.parametrize(
    ("body", "said", "code"),
    [
        (
            'print(\'{"type": "failed", "error": "fix it"}\'); raise SystemExit(3)',
            "fix it",
            ExitCode.ENVIRONMENT,
        ),
        ("raise ValueError('broken')", "exit code 1; .*see .*fairness.log", ExitCode.RUN_FAILED),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "exit code -9", ExitCode.RUN_FAILED),
    ],
)
def test_a_measurement_that_fails_is_one_sentence_with_its_exit_code(tmp_path, monkeypatch, body, said, code):
    run = scripted_run(tmp_path, monkeypatch, body)
    with pytest.raises(B4RError, match=said) as caught:
        fairness.start(run, FairnessOptions(), lambda *_: None)
    assert caught.value.code == code
    if "broken" in body:
        assert "ValueError: broken" in (run.dir / "logs" / "fairness.log").read_text()
