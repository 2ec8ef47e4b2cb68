"""Forms build the options of the engine's programs, and refuse what the command line refuses."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from b4r_tui.app import program_forms
from b4r_tui.app.program_forms import PROGRAMS, Program
from b4r_tui.runs.programs.progress import OnProgress
from b4r_tui.runs.store import Run
from engine.contract.errors import B4RError
from engine.contract.options.evaluate import EvaluateOptions
from engine.contract.options.export_model import ModelExport
from engine.contract.options.fairness import FairnessOptions
from engine.contract.options.recommend import RecommendOptions

BY_NAME = {program.name: program for program in PROGRAMS}


def options_of(name: str, **texts: str) -> Any:
    """Return the options that the call of a filled form passes to the program."""
    passed: list[Any] = []
    form = BY_NAME[name]

    def run(run: Run, options: Any, on_progress: OnProgress) -> Path:
        passed.append(options)
        return Path("result")

    spied = Program(form.name, form.title, form.about, form.fields, form.make, run)
    assert spied.call(texts).start(Run(Path(), "e", "r"), lambda *_: None) == Path("result")
    return passed[0]


def test_an_untouched_form_gives_the_defaults_of_the_options() -> None:
    assert options_of("evaluate") == EvaluateOptions(pth="best")
    assert options_of("fairness") == FairnessOptions()
    assert options_of("export-model") == ModelExport()
    assert options_of("recommend", users="1") == RecommendOptions(users=("1",))
    assert options_of("recommend-all") == RecommendOptions(everyone=True, out="all_users.parquet")


def test_texts_become_typed_values() -> None:
    assert options_of("recommend", users="1, 2  3 2", pth=" ").users == ("1", "2", "3")
    assert options_of("recommend", history='5,"6,7"', k="3") == RecommendOptions(history=("5", "6,7"), k=3)
    assert options_of("evaluate", protocols="full, popular-100", j="1x2") == EvaluateOptions(
        pth="best", protocols=("full", "popular-100"), j="1x2"
    )
    assert options_of("fairness", samples="5", users="g.csv") == FairnessOptions(samples=5, users="g.csv")
    assert options_of("export-model", format="onnx", pth="last") == ModelExport("onnx", "last")


@pytest.mark.parametrize(
    ("name", "texts", "sentence"),
    [
        ("recommend", {}, "recommend needs exactly one of"),
        ("recommend", {"users": "1", "history": "2"}, "recommend needs exactly one of"),
        (
            "recommend",
            {"users": "1", "k": "many"},
            "^items: 'many' is not an integer from 1 to 10,000",
        ),
        ("recommend", {"history": " , "}, "^history: "),
        ("recommend-all", {"out": ""}, "--out"),
        ("fairness", {"samples": "0"}, "^samples: '0' is not an integer from 1 to 1,000,000"),
    ],
)
def test_a_form_refuses_what_the_command_line_refuses(
    name: str, texts: dict[str, str], sentence: str
) -> None:
    with pytest.raises(B4RError, match=sentence):
        BY_NAME[name].call(texts)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("evaluate", EvaluateOptions),
        ("fairness", FairnessOptions),
        ("recommend", RecommendOptions),
        ("recommend-all", RecommendOptions),
        ("export-model", ModelExport),
    ],
)
def test_every_field_of_a_form_is_a_field_of_its_options(name: str, options: type[Any]) -> None:
    assert {field.key for field in BY_NAME[name].fields} <= {field.name for field in fields(options)}


def test_lists_of_all_users_go_to_the_folder_of_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[str | None] = []

    def start(run: Run, options: RecommendOptions, on_progress: OnProgress) -> Path:
        written.append(options.out)
        return Path("result")

    monkeypatch.setattr(program_forms.recommend, "start", start)
    for out in ("lists.parquet", "/elsewhere/lists.parquet"):
        BY_NAME["recommend-all"].call({"out": out}).start(Run(tmp_path, "e", "r"), lambda *_: None)
    assert written == [str(tmp_path / "recommendations" / "lists.parquet"), "/elsewhere/lists.parquet"]
