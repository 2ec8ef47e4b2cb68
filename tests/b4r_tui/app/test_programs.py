"""From the key m to the result on the tab: with stand-ins for the engine's programs, and with the real ones."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Input, OptionList, Static, TabbedContent

from b4r_tui.app.app import B4RApp
from b4r_tui.app.program_forms import PROGRAMS
from b4r_tui.app.screens.dialogs.error import ErrorDialog
from b4r_tui.app.screens.dialogs.run_program import RunProgram
from b4r_tui.runs.ids import TICKS, run_id_at
from b4r_tui.runs.records import ExitRecord, StatusRecord, write_exit, write_status
from tests.b4r_tui.app import program_samples
from tests.b4r_tui.app.conftest import Place, until
from tests.b4r_tui.app.test_main_screen import cells, opened
from tests.b4r_tui.conftest import wait_until
from tests.builders import experiment_of, write_run_config

SIZE = (120, 40)
PROGRAM = """\
import json, sys, time
from pathlib import Path
def say(**message):
    print(json.dumps(message), flush=True)
run = Path(sys.argv[1])
(run / "arguments").write_text(" ".join(sys.argv[2:]))
"""
LIST = """
say(type="progress", phase="recommend", step=1, steps=4)
while not (run / "go").exists():
    time.sleep(0.02)
items = [dict(rank=1, item="50", title="Star Wars [1977]", score=3.25)]
say(type="recommendations", user="17", history=3, items=items)
say(type="done", run="ml-1m-base", checkpoint="checkpoints/epoch_19_model.pth", epoch=19, users=1)
"""
FAILS = """
say(type="failed", error="--user: the data have no user '17'; ids are those of the data set")
raise SystemExit(2)
"""
FOREVER = """
(run / "pid").write_text(str(__import__("os").getpid()))
say(type="progress", phase="rank", step=1, steps=9)
time.sleep(600)
"""


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder whose programs are found in the place of the engine's."""
    package = tmp_path / "stand-in" / "engine" / "programs"
    package.mkdir(parents=True)
    for folder in (package, package.parent):
        (folder / "__init__.py").touch()
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "stand-in"))
    monkeypatch.chdir(tmp_path)
    return package


async def on_one_run(pilot: Pilot[None]) -> B4RApp:
    app = await opened(pilot)
    await until(pilot, lambda: len(cells(app)) == 1)
    return app


async def choose(pilot: Pilot[None], name: str, **values: str) -> None:
    """Open the dialog, go to an action, fill its form and press enter in it."""
    await pilot.press("m")
    await until(pilot, lambda: isinstance(pilot.app.screen, RunProgram))
    dialog = pilot.app.screen
    dialog.query_one(OptionList).highlighted = [each.name for each in PROGRAMS].index(name)
    await until(pilot, lambda: dialog.query_one(f"#form-{name}").display)
    for field in dialog.query_one(f"#form-{name}").query(Input):
        field.value = values.get(str(field.name), field.value)
    await pilot.press("enter")


def shown(app: B4RApp, selector: str) -> str:
    return "\n".join(str(widget.render()) for widget in app.screen_stack[0].query(selector))


def tab_text(app: B4RApp) -> str:
    return app.export_screenshot(simplify=True).replace("&#160;", " ")


async def test_progress_is_shown_and_the_list_comes_to_its_tab(place: Place, engine: Path) -> None:
    (engine / "recommend.py").write_text(PROGRAM + LIST)
    folder = place.finished().run.dir
    async with place.app().run_test(size=SIZE) as pilot:
        app = await on_one_run(pilot)
        await choose(pilot, "recommend", users="17 18", k="1")
        await until(pilot, lambda: "recommend" in shown(app, "JobLine") and "25%" in shown(app, "JobLine"))
        assert app.screen.query_one(TabbedContent).active == "outputs"
        assert app.screen.check_action("run_program", ()) is None, "one thing at a time"
        (folder / "go").touch()
        await until(pilot, lambda: "Star Wars [1977]" in tab_text(app))
        assert not app.screen.query_one("JobLine").display
        assert app.screen.check_action("run_program", ()) is True
    assert (folder / "arguments").read_text() == "--user=17 --user=18 -k=1 --pth=best --as-of=now"


async def test_a_failure_is_an_error_dialog_with_the_sentence(place: Place, engine: Path) -> None:
    (engine / "recommend.py").write_text(PROGRAM + FAILS)
    place.finished()
    async with place.app().run_test(size=SIZE) as pilot:
        app = await on_one_run(pilot)
        await choose(pilot, "recommend", users="17")
        await until(pilot, lambda: isinstance(app.screen, ErrorDialog))
        said = str(app.screen.query_one("#box Static", Static).render())
        assert said == "--user: the data have no user '17'; ids are those of the data set"
        await pilot.press("escape")
        assert not app.screen.query_one("JobLine").display


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({}, "needs exactly one of --user, --history and --all"),
        ({"users": "1", "k": "many"}, "'many' is not an integer"),
    ],
)
async def test_what_is_wrong_in_the_form_is_shown_in_the_dialog_which_stays_open(
    place: Place, engine: Path, values: dict[str, str], said: str
) -> None:
    place.finished()
    async with place.app().run_test(size=SIZE) as pilot:
        app = await on_one_run(pilot)
        await choose(pilot, "recommend", **values)
        fault = app.screen.query_one("#fault", Static)
        await until(pilot, lambda: said in str(fault.render()))
        assert fault.display and isinstance(app.screen, RunProgram)
        await pilot.press("down")
        await until(pilot, lambda: not fault.display)


async def test_escape_does_nothing_and_unfinished_runs_have_no_actions(place: Place) -> None:
    place.finished("synthetic-small")
    place.running()
    async with place.app().run_test(size=SIZE) as pilot:
        app = await on_one_run(pilot)
        assert app.screen.check_action("run_program", ()) is None
        await pilot.press("m")
        assert not isinstance(app.screen, RunProgram)
        await pilot.press("down", "down")
        await until(pilot, lambda: app.screen.check_action("run_program", ()) is True)
        await pilot.press("m")
        await until(pilot, lambda: isinstance(app.screen, RunProgram))
        await pilot.press("escape")
        await until(pilot, lambda: not isinstance(app.screen, RunProgram))
        assert not app.screen.query_one("JobLine").display


async def test_leaving_the_app_ends_a_measurement(place: Place, engine: Path) -> None:
    (engine / "measure_fairness.py").write_text(PROGRAM + FOREVER)
    folder = place.finished().run.dir
    async with place.app().run_test(size=SIZE) as pilot:
        app = await on_one_run(pilot)
        await choose(pilot, "fairness")
        await until(pilot, lambda: "rank" in shown(app, "JobLine"))
        pid = (folder / "pid").read_text()
        await pilot.press("q")
    wait_until(lambda: not Path("/proc", pid).exists())


async def test_results_are_there_next_time_and_a_strange_file_spoils_nothing(place: Place) -> None:
    folder = place.finished().run.dir
    program_samples.export(folder)
    program_samples.fairness(folder)
    program_samples.write(folder, "fairness/other.json", {"points": "none"})
    (folder / "exports" / "torn.json").write_text("{")
    async with place.app().run_test(size=(180, 100)) as pilot:
        app = await on_one_run(pilot)
        await pilot.press("7")
        await until(pilot, lambda: "largest difference 2.4e-06 (allowed" in tab_text(app))
        text = tab_text(app)
        assert "other.json cannot be shown: it was written by another version" in text
        assert "gender × genre" in text and "1.90e-03" in text


@pytest.fixture(scope="module")
def real_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny run of the real engine, as its supervisor leaves it; its experiments file stands beside the runs."""
    root = tmp_path_factory.mktemp("real")
    run_dir = root / "runs" / "tiny" / run_id_at(1_760_000_000 * TICKS)
    experiment = experiment_of()
    write_run_config(run_dir, experiment)
    (root / "experiments.toml").write_text('experiments.tiny.data.dataset_name = "synthetic"\n')
    subprocess.run([sys.executable, "-m", "engine.train", str(run_dir)], check=True, capture_output=True)
    at = 1_760_000_000.0
    write_status(run_dir, StatusRecord(run_id=run_dir.name, experiment="tiny", queued_at=at, started_at=at))
    write_exit(run_dir, ExitRecord(reason="finished", ended_at=1_760_000_100.0, code=0))
    return run_dir


@pytest.mark.torchrun
@pytest.mark.parametrize(
    ("name", "values", "seen"),
    [
        ("evaluate", {"protocols": "uniform-20, full"}, "uniform-20"),
        ("recommend", {"history": "1,2,3", "k": "4"}, "epoch_1_model.pth, seen items excluded"),
        ("recommend-all", {"k": "2"}, "2 items for each of 60 users"),
        ("export-model", {}, "reproduces the scores exactly"),
        ("fairness", {"samples": "5"}, "model, popularity × popularity"),
    ],
)
async def test_each_action_with_the_real_engine(
    real_run: Path, name: str, values: dict[str, str], seen: str
) -> None:
    root = real_run.parents[2]
    async with B4RApp(root / "experiments.toml", root / "runs", period=0.1).run_test(size=(160, 60)) as pilot:
        app = await on_one_run(pilot)
        await choose(pilot, name, **values)
        await until(pilot, lambda: seen in tab_text(app) or isinstance(app.screen, ErrorDialog), seconds=120)
        assert seen in tab_text(app)
