"""Real checkpoints through the engine's program and the command, against brute force and the run's own metrics."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from engine.contract.config.experiment import read_run_config
from engine.data.load import load_dataset
from tests.engine.conftest import SECONDS, run_module
from tests.engine.evaluation.fairness.brute_force import by_hand

pytestmark = pytest.mark.torchrun
FEW = ["--samples=20", "--temperatures=2,0.5"]


def command(*arguments):
    """The command line of the app, as a program of its own."""
    env = os.environ | {"OMP_NUM_THREADS": "1", "COLUMNS": "100"}
    return subprocess.run(
        [sys.executable, "-m", "b4r_tui", "fairness", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        env=env,
        check=False,
    )


@pytest.fixture(scope="module")
def result(single_run):
    done = command(single_run, "--json", *FEW)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_static_ndcg_is_that_of_the_run_and_the_result_lies_in_its_folder(single_run, result):
    static, *drawn = result["points"]
    metrics = json.loads((single_run / "metrics.json").read_text())
    assert static["ndcg@10"] == pytest.approx(metrics["metrics"]["full"]["ndcg@10"]["value"], abs=1e-9)
    assert [point["temperature"] for point in drawn] == [2.0, 0.5]
    assert result["checkpoint_epoch"] == metrics["checkpoint_epoch"]
    assert result["split_fingerprint"] == metrics["split_fingerprint"]
    assert (result["exposure"], result["samples"], result["seed"]) == ("γ^(rank-1)", 20, 0)
    path = single_run / "fairness" / "model_popularity_popularity_paper.json"
    assert json.loads(path.read_text()) == result
    for point in result["points"]:
        assert point["metrics"].keys() == {"II", "IG", "GI", "GG", "AI", "AG"}
        for parts in point["metrics"].values():
            assert parts["F"] == pytest.approx(parts["D"] - parts["R"] + parts["T2"], abs=1e-12)
    assert drawn[0]["metrics"]["II"]["D"] < drawn[1]["metrics"]["II"]["D"] < static["metrics"]["II"]["D"]


def test_measuring_leaves_the_run_as_it_was(single_run, result):
    events = (single_run / "events.jsonl").read_text().splitlines()
    assert json.loads(events[-1])["type"] == "run_finished"
    assert json.loads((single_run / "environment.json").read_text())["argv"][0].endswith("train.py")


@pytest.mark.parametrize("ranks", [0, 2])
def test_a_sharded_checkpoint_loads_equally_on_any_number_of_ranks(dmp_run, result, ranks):
    """Alone, a dmp checkpoint is rated in one process; its numbers are those of two ranks that share the users."""
    done = run_module("engine.programs.measure_fairness", [str(dmp_run), *FEW, "--seed", "0"], ranks)
    assert done.returncode == 0, done.stderr
    last = json.loads([line for line in done.stdout.splitlines() if line.startswith("{")][-1])
    assert last["type"] == "done"
    found = json.loads((dmp_run / "fairness" / "model_popularity_popularity_paper.json").read_text())
    metrics = json.loads((dmp_run / "metrics.json").read_text())
    assert found["users"] == result["users"] == 60
    assert found["points"][0]["ndcg@10"] == pytest.approx(
        metrics["metrics"]["full"]["ndcg@10"]["value"], abs=1e-6
    )


def test_popularity_with_custom_groups_equals_brute_force(single_run, tmp_path):
    """Every step anew, in loops: unseen items by training count, exposure by rank, overlapping groups."""
    dataset = load_dataset(read_run_config(single_run).data)
    users, items = tmp_path / "users.csv", tmp_path / "items.csv"
    users.write_text("id,group\n" + "".join(f"{u},{'ab'[int(u) % 2]}\n" for u in dataset.user_ids) + "zz,a\n")
    rows = [f"{i},{g}\n" for i in dataset.item_ids for g in "xyz" if int(i) % (ord(g) - ord("x") + 2) == 0]
    items.write_text("id,group\n" + "".join(rows))
    done = command(single_run, "--ranker=popularity", "--users", users, "--items", items, "--json", *FEW)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    system, target = np.zeros((2, dataset.num_users, dataset.num_items))
    for user in range(dataset.num_users):
        *known, held_out = dataset.items[dataset.offsets[user] : dataset.offsets[user + 1]]
        unseen = [i for i in range(dataset.num_items) if i == held_out or i not in known]
        for rank, item in enumerate(sorted(unseen, key=lambda i: (-dataset.popularity[i], i))):
            system[user, item] = 0.8**rank
        target[user, held_out] = 1.0
    odd = np.array([int(u) % 2 for u in dataset.user_ids])
    of_items = [[int(i) % divisor == 0 for i in dataset.item_ids] for divisor in (2, 3, 4)]
    expected = by_hand(system, target, [odd == 0, odd == 1], np.array(of_items))
    for name, parts in found["points"][0]["metrics"].items():
        wanted = expected[name] | {"T2": expected[name]["T"]}
        assert parts == pytest.approx({key: wanted[key] for key in parts}, rel=1e-8, abs=1e-14), name
    assert found["user_groups"]["unknown_ids"] == 1
    assert found["item_groups"]["outside"] == sum(not any(flags) for flags in zip(*of_items, strict=True))


def test_the_command_prints_table_curve_and_notes_and_draws_a_picture(single_run, tmp_path):
    groups = tmp_path / "mine.csv"
    groups.write_text("id,group\n1,some\n2,some\nnobody,some\n")
    done = command(single_run, "--users", groups, "--convention", "code", "--ranker", "markov", *FEW)
    assert done.returncode == 0, done.stderr
    assert "γ^rank with γ = 0.8 (code)" in done.stdout
    assert "IDs in the groups file that are not in the data: 1 user" in done.stdout
    assert "in no group: 58 users" in done.stdout
    rows = [line.split() for line in done.stdout.splitlines() if "-F " in line]
    assert len(rows) == 3 * 6
    assert "◆ II" in done.stdout and "└──" in done.stdout
    picture = single_run / "fairness" / "markov_mine.csv_popularity_code.svg"
    assert picture.read_text().count('<g id="axes_') == 6


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--items=bad.csv"], "the first line must be id,group"),
        (["--pth=epoch_9_model.pth"], "no checkpoint 'epoch_9_model.pth'"),
        (["--scale=-1"], "is not positive"),
    ],
)
def test_an_error_is_one_sentence_and_exit_code_2(single_run, tmp_path, monkeypatch, arguments, sentence):
    (tmp_path / "bad.csv").write_text("item;genre\n1;x\n")
    monkeypatch.setenv("PYTHONPATH", os.getcwd(), prepend=os.pathsep)  # noqa: PTH109
    monkeypatch.chdir(tmp_path)
    done = command(single_run, *arguments, *FEW)
    assert done.returncode == 2, done.stdout + done.stderr
    assert sentence in done.stderr and "Traceback" not in done.stderr
