"""Runs as pandas tables, and the page that shows how to use them."""

from __future__ import annotations

import doctest
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

import b4r_tui.results
from b4r_tui.runs.store import RunStore
from tests.b4r_tui.results.trained import trained

PAGE = Path(__file__).resolve().parents[3] / "docs" / "results.md"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    store = RunStore(tmp_path_factory.mktemp("loaded") / "runs")
    for seed in (1, 2):
        trained(store, "small", seed, skill=0.3)
        trained(store, "big", seed, skill=0.9, training={"lr": 0.01})
    return store.root


def test_a_run_is_a_row_with_settings_and_metrics(root: Path) -> None:
    frame = b4r_tui.results.load(root)
    assert list(frame["experiment"]) == ["small", "big", "small", "big"]
    assert list(frame["training.lr"]) == [0.001, 0.01, 0.001, 0.01]
    assert list(frame["seed"]) == list(frame["training.seed"]) == [1, 1, 2, 2]
    assert set(frame["state"]) == {"finished"}
    assert frame["test.full.ndcg@10"].between(0, 1).all()
    run_id = frame.index[0]
    assert Path(frame.loc[run_id, "dir"]).name == run_id


def test_nothing_of_results_imports_torch_and_naming_it_imports_no_pandas() -> None:
    def imported(code: str) -> set[str]:
        code = f"import sys; {code}; print(*sys.modules)"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        return set(done.stdout.split())

    light = imported("import b4r_tui.results, b4r_tui.results.leaderboard, b4r_tui.results.export.write")
    assert not {"torch", "pandas", "numpy", "pyarrow", "scipy", "jinja2"} & light
    assert "torch" not in imported("import b4r_tui.reports.comparison, b4r_tui.results.export.html")


def test_an_epoch_is_a_row(root: Path) -> None:
    frame = b4r_tui.results.load_epochs(str(root))
    assert len(frame) == 12
    best = frame[frame["best"]]
    assert list(best["epoch"]) == [1] * 4
    assert list(best["validation.full.ndcg@10"]) == pytest.approx([0.15] * 4)


def test_no_runs_are_an_empty_table_and_a_broken_config_still_a_row(tmp_path: Path) -> None:
    assert b4r_tui.results.load(tmp_path).empty
    assert b4r_tui.results.load_epochs(tmp_path / "none").empty
    run = trained(RunStore(tmp_path), "broken")
    (run.dir / "config.toml").write_text("broken")
    assert list(b4r_tui.results.load(tmp_path)["experiment"]) == ["broken"]


def test_the_page_says_what_the_tables_give(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root.parent)
    with pd.option_context("display.width", 200):
        test = doctest.DocTestParser().get_doctest(
            PAGE.read_text(encoding="utf-8").replace("```", "\n"), {}, PAGE.name, str(PAGE), 0
        )
        said: list[str] = []
        results = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(test, out=said.append)
    assert not results.failed, "".join(said)
    assert results.attempted >= 4
