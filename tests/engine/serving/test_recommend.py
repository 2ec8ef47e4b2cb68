"""Real checkpoints through the command: the lists equal those of evaluation, without TorchRec."""

import csv
import io
import json
import os
import subprocess
import sys

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch

from engine.contract.config.experiment import read_run_config
from engine.data.load import load_dataset
from engine.data.loader import evaluation_batch
from engine.evaluation.evaluator import Evaluator
from engine.evaluation.scores import DotScores
from engine.model.bert4rec import BERT4Rec
from engine.runtime.checkpoints.epoch_files import EpochFiles, read_checkpoint
from tests.builders import experiment_of
from tests.engine.conftest import SECONDS

pytestmark = pytest.mark.torchrun
RUNS = ["single_run", "ddp_run", "dmp_run_of_one_rank", "dmp_run"]


def command(*arguments):
    """The command line of the app, as a program of its own; the best checkpoint where none is named."""
    env = os.environ | {"OMP_NUM_THREADS": "1", "COLUMNS": "100"}
    return subprocess.run(
        [sys.executable, "-m", "b4r_tui", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        env=env,
        check=False,
    )


@torch.no_grad()
def evaluated(run_dir, users):
    """The first ten of the evaluator's full ranking in the test, with the trained model: (users, 10)."""
    experiment = read_run_config(run_dir)
    dataset = load_dataset(experiment.data)
    model = BERT4Rec(dataset.num_items, experiment.model, seed=0).eval()
    checkpoints = EpochFiles(run_dir, experiment)
    model.load_state_dict(read_checkpoint(checkpoints.resolve("best")).weights)

    def scorer(asked):
        batch = evaluation_batch(dataset, asked, "test", experiment.model.max_len)
        return DotScores(model.encode_last(batch.items, batch.lengths), model.item_weights, model.output_bias)

    ranks = Evaluator(dataset, ["full"], 0).rank("test", scorer, users, 16, list_length=10)["full"]
    return dataset, ranks.top


@pytest.mark.parametrize("run", RUNS)
def test_everybodys_lists_are_those_of_evaluation(run, request, tmp_path):
    run_dir, out = request.getfixturevalue(run), tmp_path / "all.parquet"
    done = command("recommend", run_dir, "--all", "--out", out, "--as-of", "test")
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{out}: 10 items for each of 60 users\n"
    table = pq.read_table(out).to_pandas()
    dataset, top = evaluated(run_dir, np.arange(60))
    expected = [dataset.item_ids[row[row >= 0]].tolist() for row in top]
    found = [table[table.user == user].item.tolist() for user in dataset.user_ids]
    assert found == expected
    assert table.groupby("user")["rank"].first().eq(1).all()
    assert [path.name for path in tmp_path.iterdir()] == ["all.parquet"]


@pytest.fixture(scope="module")
def now(single_run):
    done = command("recommend", single_run, "--user", "3", "7", "-k", "5", "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_known_users_get_unseen_items_in_the_order_requested(single_run, now):
    dataset = load_dataset(read_run_config(single_run).data)
    assert [found["user"] for found in now["recommendations"]] == ["3", "7"]
    for found in now["recommendations"]:
        (user,) = np.flatnonzero(dataset.user_ids == found["user"])
        seen = dataset.item_ids[dataset.items[dataset.offsets[user] : dataset.offsets[user + 1]]]
        assert found["history"] == len(seen)
        assert not {entry["item"] for entry in found["items"]} & set(seen)
        scores = [entry["score"] for entry in found["items"]]
        assert len(scores) == 5 and scores == sorted(scores, reverse=True)
    assert json.loads((single_run / "recommendations" / "latest.json").read_text())["users"] > 0


def test_the_same_history_given_by_ids_gives_the_same_list(single_run, now):
    dataset = load_dataset(read_run_config(single_run).data)
    (user,) = np.flatnonzero(dataset.user_ids == "3")
    seen = dataset.item_ids[dataset.items[dataset.offsets[user] : dataset.offsets[user + 1]]]
    done = command("recommend", single_run, "--history", ",".join([*seen, "nothing"]), "-k", "5", "--csv")
    assert done.returncode == 0, done.stderr
    assert done.stderr == "warning: ignored in the history, not in the data: 'nothing'\n"
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    expected = now["recommendations"][0]["items"]
    assert [row["item"] for row in rows] == [entry["item"] for entry in expected]
    assert [float(row["score"]) for row in rows] == pytest.approx([e["score"] for e in expected], abs=1e-5)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--user", "1", "ghost", "spectre"], "no user 'ghost', 'spectre' in the data"),
        (["--history", "x,y"], "no item 'x', 'y' in the data"),
        (["--user", "1", "--pth", "epoch_9_model.pth"], "no checkpoint 'epoch_9_model.pth'"),
        (["--all", "--out", "/nowhere/x.parquet"], "/nowhere/x.parquet: cannot be written"),
        ([], "exactly one of --user, --history and --all"),
    ],
)
def test_an_error_is_one_sentence_and_exit_code_2(single_run, arguments, sentence):
    done = command("recommend", single_run, *arguments)
    assert done.returncode == 2, done.stdout + done.stderr
    assert sentence in done.stderr and "Traceback" not in done.stderr and not done.stdout


@pytest.mark.parametrize("program", ["programs.recommend", "programs.export_model", "serving.pth_export"])
def test_programs_that_answer_quickly_import_neither_torchrec_nor_fbgemm(program):
    seen = f"import sys, engine.{program}; print(sorted({{'torchrec', 'fbgemm_gpu', 'torch'}} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", seen], capture_output=True, text=True, check=True)
    assert done.stdout == "['torch']\n"


@pytest.mark.data
def test_movielens_has_titles(train, data_dir):
    """One epoch of a tiny model on real data: titles stand beside the ids, the table has them too."""
    run_dir = train(
        experiment_of(
            data={"dataset_name": "ml-100k", "dataset_path": str(data_dir / "ml-100k")},
            model={"max_len": 200, "emb_dim": 8, "nhead": 1, "num_layers": 1},  # few, long windows
            training={"num_epochs": 1, "train_batch_size": 256},
            evaluation={"protocols": ["full"]},
        ),
        0,
    )
    done = command("recommend", run_dir, "--history", "50,172,181", "-k", "3", "--json")
    assert done.returncode == 0, done.stderr
    lines = (data_dir / "ml-100k" / "u.item").read_text(encoding="latin-1").splitlines()
    titles = {line.split("|")[0]: line.split("|")[1] for line in lines}
    items = json.loads(done.stdout)["recommendations"][0]["items"]
    assert [entry["title"] for entry in items] == [titles[entry["item"]] for entry in items]
    shown = command("recommend", run_dir, "--history", "50,172,181", "-k", "3").stdout
    assert all(entry["title"] in shown for entry in items)
