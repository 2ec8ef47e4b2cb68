"""Per-user ranks as parquet: ids of the source, exact numbers, one file per protocol."""

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import torch

from engine.evaluation.evaluator import Evaluator
from engine.evaluation.rank_file import write_ranks
from tests.builders import dataset_of
from tests.engine.evaluation.table_scores import TableScores


def test_the_file_holds_every_user_once_with_the_ids_of_the_source(tmp_path):
    dataset = dataset_of([[0, 1, 2], [3], [2, 1, 0, 4]], 5)
    ranks = Evaluator(dataset, ["full", "uniform-2"], 0).rank(
        "test", lambda users: TableScores(torch.zeros(len(users), 5)), dataset.evaluated_users("test"), 2
    )
    for protocol, found in ranks.items():
        path = write_ranks(tmp_path, protocol, found, dataset, "test")
        assert path == tmp_path / "predictions" / f"ranks_{protocol}.parquet"
        frame = pd.read_parquet(path)
        assert frame.columns.tolist() == ["user_id", "item_id", "rank", "ties", "candidates"]
        assert frame.user_id.tolist() == ["user 0", "user 2"]
        assert frame.item_id.tolist() == ["item 2", "item 4"]
        assert np.array_equal(frame["rank"], found.ranks) and np.array_equal(frame.ties, found.ties)
        assert pq.read_schema(path).metadata[b"split_fingerprint"] == b"0" * 16
    assert {path.name for path in (tmp_path / "predictions").iterdir()} == {
        "ranks_full.parquet",
        "ranks_uniform-2.parquet",
    }
