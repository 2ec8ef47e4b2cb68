"""Run files read back by other code: ir-measures gives our metrics, ties included, and ids survive."""

import gzip
import itertools
from urllib.parse import unquote

import ir_measures
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from ir_measures import RR, R, nDCG

from engine.contract.ranks.metrics import per_user
from engine.evaluation.evaluator import Evaluator
from engine.evaluation.trec_files import Candidates, file_names, write_run_files
from engine.evaluation.trec_lines import safe_ids
from tests.builders import dataset_of
from tests.engine.evaluation.table_scores import TableScores

MEASURES = {"ndcg@3": nDCG @ 3, "recall@2": R @ 2, "mrr": RR}


def scorer_of(table):
    return lambda users: TableScores(torch.from_numpy(table[users]))


def written(folder, dataset, table, protocol, batch_size=2, list_length=100):
    folder.mkdir(exist_ok=True)
    sizes = []

    def gather(part):
        sizes.append(len(part[0]))
        return [part]

    candidates = Candidates(dataset, "test", [protocol], 0, 1, list_length)
    paths = write_run_files(candidates, scorer_of(table), batch_size, gather, folder)
    assert max(sizes) <= batch_size, "users are written a batch at a time"
    return paths


def measured(folder, dataset, protocol):
    """Measure → user → value, by ir-measures from the files alone."""
    run = ir_measures.read_trec_run(str(folder / file_names(dataset.name, protocol)[1]))
    truth = ir_measures.read_trec_qrels(str(folder / "qrels.txt"))
    found = {}
    for metric in ir_measures.iter_calc(list(MEASURES.values()), truth, run):
        found.setdefault(metric.measure, {})[unquote(metric.query_id)] = metric.value
    return found


def ours(dataset, table, protocol):
    users = dataset.evaluated_users("test")
    ranks = Evaluator(dataset, [protocol], 0).rank("test", scorer_of(table), users, 2)[protocol]
    return per_user(ranks, [2, 3])


@pytest.mark.parametrize("protocol", ["full", "popular-4", "uniform-9"])
def test_other_code_finds_our_metrics_in_the_files(protocol, tmp_path):
    draw = np.random.default_rng(1)
    dataset = dataset_of([draw.permutation(12)[:5].tolist() for _ in range(30)], 12)
    table = draw.normal(size=(30, 12)).astype(np.float32) * 1e-3 + 7  # close ones must not become equal
    written(tmp_path, dataset, table, protocol)
    found, expected = measured(tmp_path, dataset, protocol), ours(dataset, table, protocol)
    for name, measure in MEASURES.items():
        values = [found[measure][str(user)] for user in dataset.user_ids]
        np.testing.assert_allclose(values, expected[name], rtol=0, atol=1e-9, err_msg=name)


def test_our_metrics_are_the_mean_over_all_orders_that_other_code_could_give_to_ties(tmp_path):
    """trec_eval orders equal scores by item id; here each item gets each of four ids once, in all 24 ways."""
    dataset = dataset_of([[4, 4, 0], [4, 4, 1], [4, 4, 2]], 5)
    table = np.array([[1, 1, 1, 1, 0], [2, 1, 1, 0, 0], [0, 1, 1, 2, 0]], np.float32)
    sums = {}
    for order in itertools.permutations(range(4)):
        names = np.array([f"id{place}" for place in order] + ["seen"])
        object.__setattr__(dataset, "item_ids", names)
        written(tmp_path, dataset, table, "full")
        for measure, values in measured(tmp_path, dataset, "full").items():
            sums[measure] = sums.get(measure, 0) + np.array([values[str(user)] for user in dataset.user_ids])
    expected = ours(dataset, table, "full")
    for name, measure in MEASURES.items():
        np.testing.assert_allclose(sums[measure] / 24, expected[name], rtol=0, atol=1e-9, err_msg=name)


def test_the_original_files_have_its_columns_in_user_order_and_equal_bytes(tmp_path):
    draw = np.random.default_rng(2)
    dataset = dataset_of([draw.permutation(120)[:6].tolist() for _ in range(7)], 120)
    table = draw.normal(size=(7, 120)).astype(np.float32)
    first, *_ = written(tmp_path / "a", dataset, table, "popular-100")
    again, *_ = written(tmp_path / "b", dataset, table, "popular-100", batch_size=3)
    assert first.name == "run-Bert4Rec-tiny-fold1.txt.gz"
    assert first.read_bytes() == again.read_bytes()
    lines = gzip.decompress(first.read_bytes()).decode().splitlines()
    rows = [line.split("\t") for line in lines]
    assert all(len(row) == 6 and row[1] == row[3] == "0" and row[5] == "-" for row in rows)
    assert list(dict.fromkeys(row[0] for row in rows)) == [f"user%20{user}" for user in range(7)]
    for _, user in itertools.groupby(rows, key=lambda row: row[0]):
        logs = [float(row[4]) for row in user]
        assert len(logs) <= 101 and logs == sorted(logs, reverse=True)
        assert sum(np.exp(logs)) == pytest.approx(1, abs=1e-12)
    lengths = written(tmp_path / "c", dataset, table, "full", list_length=10)
    assert len(lengths[1].read_text().splitlines()) == 70


@given(st.lists(st.text(min_size=1), min_size=1, max_size=5))
def test_ids_are_escaped_for_columns_and_can_be_restored(ids):
    safe = safe_ids(ids)
    assert [unquote(each) for each in safe] == ids
    assert all(len(each.split()) == 1 for each in safe)
    assert safe_ids(["plain-7", "naïve"]).tolist() == ["plain-7", "naïve"]
