"""DDP and DMP on two real ranks: the same weights at birth, whole and sharded, loaded and gathered."""

import os
import subprocess
import sys

import pytest

from tests.conftest import ROOT

pytestmark = pytest.mark.torchrun

WORKER = """
import torch
from engine.distributed.group import process_group
from engine.distributed.parallel import build_parallel
from engine.data.loader import Batch
from engine.model.bert4rec import ITEM_TABLE
from tests.builders import experiment_of

with process_group(0) as group:
    def built(mode, sharding="auto"):
        return build_parallel(experiment_of(launch={"mode": mode, "sharding": sharding, "j": "1x2"}), 100, group)

    replicated = built("ddp")
    plain = group.broadcast(replicated.whole_state())
    for sharding in ("auto", "row_wise", "table_wise", "column_wise"):
        sharded = built("dmp", sharding)
        born = group.broadcast(sharded.whole_state())
        assert born.keys() == plain.keys()
        assert all(torch.equal(born[name], plain[name]) for name in plain), "other weights at birth"
        assert sharded.parameters == replicated.parameters
        mine = sum(shard.tensor.numel() for shard in sharded.state()[ITEM_TABLE].local_shards())
        assert group.sum([float(mine)]) == [float(plain[ITEM_TABLE].numel())], "shards overlap or miss rows"
        if sharding == "row_wise":
            assert mine < plain[ITEM_TABLE].numel(), "the table is not sharded"
        changed = {name: tensor + 1 for name, tensor in plain.items()}
        sharded.load(changed)
        again = group.broadcast(sharded.whole_state())
        assert all(torch.equal(again[name], changed[name]) for name in changed), "load and gather differ"
        items, lengths = torch.tensor([1, 2, 100, 7, 100]), torch.tensor([3, 2])
        sharded.load(plain)
        replicated.bert4rec.eval(), sharded.bert4rec.eval()
        with torch.no_grad():
            ours = sharded.bert4rec(items, lengths, torch.tensor([2, 4]))
            expected = replicated.bert4rec(items, lengths, torch.tensor([2, 4]))
        assert torch.allclose(ours, expected, atol=1e-6), "other scores"
        for factor in (0.0, 1.0):
            sharded.optimisers.schedule(factor)
            sharded.objective(Batch(items, lengths, torch.tensor([2, 4]), torch.tensor([5, 6]))).backward()
            sharded.optimisers.step()
            moved = not torch.equal(group.broadcast(sharded.whole_state())[ITEM_TABLE], plain[ITEM_TABLE])
            assert moved == bool(factor), "the schedule does not reach the sharded table"
    print("rank done")
"""


def test_sharded_and_replicated_models_are_the_same_model(tmp_path):
    worker = tmp_path / "worker.py"
    worker.write_text(WORKER)
    command = [
        sys.executable,
        "-m",
        "torch.distributed.run",
        "--standalone",
        "--nproc-per-node=2",
        str(worker),
    ]
    env = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False, env=env)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("rank done") == 2
