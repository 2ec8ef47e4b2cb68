"""Comparisons: settings that differ, paired tests over users, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from b4r_tui.commands.main import main
from b4r_tui.results.compare import compare
from b4r_tui.results.leaderboard import leaderboard
from b4r_tui.results.paired import holm, paired
from b4r_tui.results.selection import named_runs
from b4r_tui.results.significance import against_baseline
from b4r_tui.results.user_values import user_values
from b4r_tui.runs.store import Run, RunStore
from b4r_tui.runs.summary import read_summary
from engine.contract.errors import B4RError, ExitCode
from tests.b4r_tui.results.trained import trained


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> RunStore:
    """Three recipes, the first two with seeds, and a run of another split."""
    store = RunStore(tmp_path_factory.mktemp("compared") / "runs")
    for seed in (1, 2, 3):
        trained(store, f"small-s{seed}", seed, skill=0.3)
        trained(store, "big", seed, skill=0.9, model={"emb_dim": 512}, training={"lr": 0.01})
    trained(store, "middle", 1, skill=0.35, model={"emb_dim": 128})
    trained(store, "elsewhere", 1, fingerprint="e2e2e2e2")
    trained(store, "sampled", 1, protocols=("uniform-20", "full"), negatives="n1")
    return store


def averaged(runs: list[Run], metric: str = "ndcg@10") -> np.ndarray:
    found = []
    for run in runs:
        tested = read_summary(run)[f"test.full.{metric}"]
        found.append(user_values(run.dir, "full", metric, "f1f1f1f1f1", tested).values)
    return np.mean(found, axis=0)


def of(store: RunStore, start: str) -> list[Run]:
    return [run for run in store.runs() if run.experiment.startswith(start)]


def test_groups_differ_in_settings_scores_and_users(store: RunStore) -> None:
    found = compare(named_runs(store, ["small", "big", "middle"]))
    assert {setting.key: setting.values for setting in found.settings} == {
        "model.emb_dim": ((256,), (512,), (128,)),
        "training.lr": ((0.001,), (0.01,), (0.001,)),
        "training.seed": ((1, 2, 3), (1, 2, 3), (1,)),
    }
    small, big, middle = found.sides
    assert (found.baseline, found.metric, found.protocol, found.users) == ("small", "ndcg@10", "full", 80)
    assert small.versus is None
    assert big.versus and middle.versus
    expected = paired(averaged(of(store, "big")), averaged(of(store, "small")))
    assert (big.versus.difference, big.versus.p) == (expected.difference, expected.p)
    assert big.versus.wins + big.versus.ties + big.versus.losses == 80
    assert (big.versus.p_holm, middle.versus.p_holm) == tuple(holm([big.versus.p, middle.versus.p]))
    assert big.versus.p_seeds is not None
    assert middle.versus.p_seeds is None
    assert big.scores["ndcg@10"].value - small.scores["ndcg@10"].value == pytest.approx(expected.difference)
    assert "mrr" in small.scores


def test_a_board_is_judged_as_a_comparison_is(store: RunStore) -> None:
    runs = [run for run in store.runs() if run.experiment not in ("elsewhere", "sampled")]
    boards = leaderboard(map(read_summary, runs))
    (board,) = against_baseline(boards, "small-s2", {run.run_id: run.dir for run in runs})
    found = compare(named_runs(store, ["small", "big", "middle"]))
    assert board.baseline == "small"
    versus = {row.experiment: row.versus for row in board.rows}
    assert versus["small"] is None
    assert versus["big"] == found.sides[1].versus
    with pytest.raises(B4RError, match=r"the baseline 'smal' is not among the tested runs.*small"):
        against_baseline(boards, "smal", {})


def test_a_row_whose_ranks_are_gone_is_told_and_the_others_are_tested(
    store: RunStore, tmp_path: Path
) -> None:
    runs = [run for run in store.runs() if run.experiment not in ("elsewhere", "sampled")]
    folders = {run.run_id: tmp_path if run.experiment == "big" else run.dir for run in runs}
    (board,) = against_baseline(leaderboard(map(read_summary, runs)), "small", folders)
    assert {row.experiment for row in board.rows if row.versus} == {"middle"}
    assert "big was not tested" in board.notes[0]
    assert "b4r-tui evaluate" in board.notes[0]


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        (["small", "elsewhere"], "they differ in split fingerprint (f1f1f1f1, e2e2e2e2)"),
        (["small", "sampled"], "they differ in protocol (full, uniform-20)"),
        (["small"], "a comparison needs two runs"),
        (["small", "nothing"], "no run 'nothing'"),
        (["small", "big", "--metric", "ndcg@7"], "no test ndcg@7 under protocol full; did you mean"),
        (["small", "big", "--protocol", "uniform-9"], "choose another --protocol"),
    ],
)
def test_unlike_runs_are_refused_with_a_sentence(
    store: RunStore, names: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--runs", str(store.root), "compare", *names]) == ExitCode.BAD_INPUT
    assert sentence in capsys.readouterr().err


def test_a_protocol_that_both_measured_can_be_compared(store: RunStore) -> None:
    found = compare(named_runs(store, ["small", "sampled"]), protocol="full", metric="recall@5")
    assert found.sides[1].versus is not None


def test_ranks_of_another_test_are_refused(store: RunStore, tmp_path: Path) -> None:
    runs = RunStore(tmp_path / "runs")
    one, other = trained(runs, "one"), trained(runs, "other", skill=0.9)
    (one.dir / "predictions" / "ranks_full.parquet").write_bytes(
        (other.dir / "predictions" / "ranks_full.parquet").read_bytes()
    )
    with pytest.raises(B4RError, match="but the test metrics of the run have"):
        compare(named_runs(runs, ["one", "other"]))
    (one.dir / "predictions" / "ranks_full.parquet").write_bytes(b"torn")
    with pytest.raises(B4RError, match="cannot be read as ranks"):
        compare(named_runs(runs, ["one", "other"]))


def test_an_experiment_means_its_runs_with_the_latest_settings(tmp_path: Path) -> None:
    store = RunStore(tmp_path / "runs")
    trained(store, "base", 1)
    trained(store, "base", 1, training={"lr": 0.5})
    trained(store, "base", 2, training={"lr": 0.5})
    trained(store, "other", 1)
    (base,) = named_runs(store, ["base"])
    assert [run.config().training.lr for run in base.runs] == [0.5, 0.5]
    assert len(base.left_out) == 1
    found = compare([base, *named_runs(store, ["other"])])
    assert found.sides[0].left_out == (base.left_out[0].run_id,)


def test_the_tables_and_the_json_say_the_same(store: RunStore, capsys: pytest.CaptureFixture[str]) -> None:
    argv = ["--runs", str(store.root), "compare", "small", "big", "--baseline", "small"]
    assert main([*argv, "--json"]) == ExitCode.OK
    found = json.loads(capsys.readouterr().out)
    assert (found["split"], found["baseline"]) == ("test", "small")
    versus = found["sides"][1]["versus"]
    assert main(argv) == ExitCode.OK
    out = capsys.readouterr().out
    assert f"{versus['difference']:+.4f}" in out
    assert f"{versus['wins']}/{versus['ties']}/{versus['losses']}" in out
    assert "model.emb_dim  256    512" in out
