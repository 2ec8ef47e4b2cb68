"""Changing experiments and settings, and analysing the text, without a screen."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
import tomli

from b4r_tui.app.screens.editor.experiment_actions import ExperimentActions
from b4r_tui.app.screens.editor.text_analysis import TextAnalysis
from b4r_tui.experiments.editing.analysis import CheckResult, ExperimentView, parse_view
from b4r_tui.experiments.editing.document import Document
from b4r_tui.experiments.settings import SETTINGS
from tests.b4r_tui.app.scripted_dialogs import ScriptedDialogs

TEXT = """\
[experiments.base]
data.dataset_name = "random"
[experiments.child]
extends = "base"
"""


class Bench:
    """Actions on a document, with what they asked and showed."""

    def __init__(self, *answers: str | None, text: str = TEXT) -> None:
        self.document, self.dialogs = Document(text, text), ScriptedDialogs(*answers)
        self.shown: list[tuple[str | None, str]] = []
        self.actions = ExperimentActions(self.document, self.dialogs, lambda: None, self._show)

    async def _show(self, name: str | None, row: str) -> None:
        self.shown.append((name, row))

    @property
    def experiments(self) -> dict[str, dict[str, object]]:
        return tomli.loads(self.document.text)["experiments"]


@pytest.mark.parametrize(
    ("defaults", "settings"),
    [
        ("", {"data": {"dataset_name": "synthetic"}}),
        ("defaults.data.dataset_name = 'ml-1m'\n", {}),
        ("defaults.data = 3\n", {"data": {"dataset_name": "synthetic"}}),
    ],
)
async def test_a_new_experiment_has_data(defaults: str, settings: dict[str, object]) -> None:
    bench = Bench("new", text=defaults + TEXT)
    await bench.actions.add("base")
    assert list(bench.experiments) == ["base", "new", "child"] and bench.experiments["new"] == settings
    assert bench.shown == [("new", "description")]


async def test_a_suggested_name_is_unused_and_the_current_one_may_be_kept() -> None:
    bench = Bench(None, "child", text=TEXT + "[experiments.base-copy]\n")
    await bench.actions.duplicate("base")
    await bench.actions.rename("child")
    assert bench.dialogs.questions[0].endswith("base-copy-2") and bench.dialogs.questions[1].endswith("child")
    assert not bench.document.changed and bench.shown == [("child", "description")]


@pytest.mark.parametrize(("name", "following"), [("base", "child"), ("child", "base")])
async def test_deleting_asks_names_those_that_extend_and_shows_the_next(name: str, following: str) -> None:
    bench = Bench("k", "d")
    await bench.actions.delete(name, "x.toml")
    assert not bench.document.changed and not bench.shown
    await bench.actions.delete(name, "x.toml")
    assert list(bench.experiments) == [following] and bench.shown == [(following, "description")]
    assert ("need another parent: child" in bench.dialogs.questions[0]) is (name == "base")


async def test_deleting_the_last_experiment_shows_the_defaults() -> None:
    bench = Bench("d", text="[experiments.a]\n")
    await bench.actions.delete("a", "x.toml")
    assert bench.shown == [(None, "description")]


async def test_invalid_text_is_refused_before_anything_is_asked() -> None:
    bench = Bench(text="[x")
    for action in (bench.actions.extend, bench.actions.duplicate, bench.actions.rename):
        await action("base")
    await bench.actions.delete("base", "x.toml")
    bench.actions.set_value("base", SETTINGS["training.lr"], "1")
    assert not bench.dialogs.questions and bench.document.text == "[x"
    assert len(bench.dialogs.messages) == 5
    assert all("line 1 is not valid TOML" in message for message in bench.dialogs.messages)


async def test_consecutive_changes_of_one_setting_are_one_undo_step() -> None:
    bench = Bench()
    for entered in ("0.1", "0.12", ""):
        bench.actions.set_value("child", SETTINGS["training.lr"], entered)
    assert bench.document.text == TEXT and bench.document.undo() and not bench.document.undo()


async def test_a_sweep_starts_with_the_current_value_and_defaults_have_none() -> None:
    bench = Bench()
    await bench.actions.sweep(parse_view(TEXT, "base"), SETTINGS["training.lr"])
    await bench.actions.sweep(parse_view(TEXT, "base"), SETTINGS["training.seed"])
    assert bench.experiments["base"]["sweep"] == {"training.lr": [0.001], "seeds": [0]}
    assert bench.shown == [("base", "sweep.training.lr"), ("base", "sweep.seeds")]
    await bench.actions.sweep(parse_view(TEXT, None), SETTINGS["training.lr"])
    await bench.actions.sweep(parse_view(TEXT, "base"), SETTINGS["data.dataset_path"])
    assert len(bench.shown) == 2 and "cannot have a sweep" in bench.dialogs.messages[0]
    assert "data.dataset_path has no value to start from" in bench.dialogs.messages[-1]


async def test_only_the_last_of_quick_changes_is_analysed(tmp_path: Path) -> None:
    tasks: list[asyncio.Task[None]] = []
    parsed: list[tuple[int, ExperimentView | None]] = []
    checked: list[tuple[int, CheckResult]] = []

    def start(work: Callable[[], Awaitable[None]]) -> None:
        for task in tasks:
            task.cancel()
        tasks.append(asyncio.ensure_future(work()))

    analysis = TextAnalysis(
        tmp_path / "x.toml",
        start,
        preview=lambda sweep: "a preview",
        on_parsed=lambda version, view: parsed.append((version, view)),
        on_checked=lambda version, result: checked.append((version, result)),
    )
    document = Document(TEXT, TEXT)
    for lr in ("1", "1e", "[1e-3, 1e-4]"):
        document.change(TEXT + f'sweep."training.lr" = {lr}\n')
        analysis.request(document, "child")
    await tasks[-1]
    assert [version for version, _ in parsed] == [version for version, _ in checked] == [document.version]
    assert parsed[0][1] and parsed[0][1].name == "child"
    assert (checked[0][1].runs, checked[0][1].preview) == (2, "a preview")
    document.change("[x")
    analysis.request(document, "child", delay=0)
    await tasks[-1]
    assert parsed[-1] == (document.version, None) and checked[-1][1].problems
