"""DDP and DMP on real ranks: equal initial weights and gradients, full and sharded, loaded and gathered."""

import pytest

from tests.torchrun import on_ranks

pytestmark = pytest.mark.torchrun

WORKER = """
import sys
import torch
from engine.contract.config.experiment import Experiment
from engine.data.loader import Batch
from engine.distributed.process_group import process_group
from engine.distributed.parallel_model import build_parallel
from engine.model.bert4rec import ITEM_TABLE
from tests.builders import experiment_of

ITEMS = int(sys.argv[1])

def close(found, expected, what):
    assert torch.allclose(found, expected, atol=1e-5), (what, (found - expected).abs().max())

def batch_of(rank):
    items, lengths = torch.tensor([1, 2, ITEMS, 0, ITEMS]), torch.tensor([3, 2])
    if rank == 1:  # this rank has no targets
        return Batch(items, lengths, torch.tensor([], dtype=torch.int64), torch.tensor([], dtype=torch.int64))
    return Batch(items, lengths, torch.tensor([2, 4]), torch.tensor([rank % ITEMS, ITEMS - 1]))

def gradients(model, group):
    model.objective.eval()
    loss = model.objective(batch_of(group.rank))
    (all_targets,) = group.sum([float(len(batch_of(group.rank).targets))])
    (loss * (group.world_size / all_targets)).backward()
    return loss.detach(), {n: p.grad for n, p in model.bert4rec.named_parameters() if p.grad is not None}

def check_gradients(replicated, sharded, group):
    loss, expected = gradients(replicated, group)
    found_loss, found = gradients(sharded, group)
    close(found_loss, loss, "loss")
    rows = sharded.bert4rec.part.rows
    for name, gradient in found.items():
        whole = expected[name]
        close(gradient, whole[rows.start : rows.stop] if name.startswith("output") else whole, name)
    assert {"output", "output_bias"} <= found.keys()
    sharded.optimisers._clip(0.01)
    squares = {n: float(g.double().square().sum()) for n, g in found.items()}
    own = sum(square for name, square in squares.items() if name.startswith("output"))
    shared = sum(square for name, square in squares.items() if not name.startswith("output"))
    (total,) = group.sum([own])
    assert abs((total + shared) ** 0.5 - 0.01) < 1e-6, "clipped to another norm"

def check(group):
    def built(mode, sharding="auto"):
        launch = {"mode": mode, "sharding": sharding, "j": f"1x{group.world_size}"}
        training = {"grad_clip": 1000.0}
        return build_parallel(experiment_of(launch=launch, training=training), ITEMS, group)

    replicated = built("ddp")
    plain = group.broadcast(replicated.full_state())
    for sharding in ("auto", "row_wise", "table_wise", "column_wise"):
        sharded = built("dmp", sharding)
        born = group.broadcast(sharded.full_state())
        assert born.keys() == plain.keys()
        assert all(torch.equal(born[name], plain[name]) for name in plain), "other weights at birth"
        assert sharded.parameters == replicated.parameters
        for name in (ITEM_TABLE, "output", "output_bias"):
            mine = sum(shard.tensor.numel() for shard in sharded.state()[name].local_shards())
            assert group.sum([float(mine)]) == [float(plain[name].numel())], "shards overlap or miss rows"
            if ITEMS > 10 and (name != ITEM_TABLE or sharding == "row_wise"):
                assert mine < plain[name].numel(), "the table is not sharded"
        bytes_told = sum(shard["weight_bytes"] for part in sharded.described_plan for shard in part["shards"])
        assert bytes_told == 4 * sum(plain[name].numel() for name in (ITEM_TABLE, "output", "output_bias"))
        changed = {name: tensor + 1 for name, tensor in plain.items()}
        sharded.load(changed)
        again = group.broadcast(sharded.full_state())
        assert all(torch.equal(again[name], changed[name]) for name in changed), "load and gather differ"
        sharded.load(plain)
        check_gradients(replicated, sharded, group)
        wanted = torch.tensor([ITEMS - 1, 0, group.rank % ITEMS])[: 3 - group.rank]
        expected, found = replicated.bert4rec.item_rows(wanted), sharded.bert4rec.item_rows(wanted)
        assert all(torch.equal(*pair) for pair in zip(found, expected)), "other output rows"
        replicated.optimisers.adam.zero_grad()
        sharded.load(plain)
        for factor in (0.0, 1.0):
            sharded.optimisers.set_lrs([factor * lr for lr in sharded.optimisers.base_lrs])
            sharded.objective(batch_of(0)).backward()
            sharded.optimisers.step()
            after = group.broadcast(sharded.full_state())
            for name in (ITEM_TABLE, "output"):
                moved = not torch.equal(after[name], plain[name])
                assert moved == bool(factor), f"the learning rate does not reach {name}"

with process_group(0) as group:
    check(group)
print("rank done")
"""


@pytest.mark.parametrize(("ranks", "items"), [(2, 100), (3, 2)])
def test_sharded_and_replicated_models_are_the_same_model(ranks, items, tmp_path):
    assert on_ranks(ranks, WORKER, tmp_path, str(items)).count("rank done") == ranks


TIED = """
import torch
from engine.contract.config.experiment import Experiment
from engine.distributed.process_group import process_group
from engine.distributed.parallel_model import build_parallel
from engine.model.bert4rec import ITEM_TABLE
from tests.builders import experiment_of

def check(group):
    shapes = {"model": {"max_len": 12, "emb_dim": 16, "tie_output": True}}
    plain = experiment_of(**shapes)
    replicated = build_parallel(plain, 50, group)
    weights = group.broadcast(replicated.full_state())
    for sharding in ("auto", "row_wise", "table_wise"):
        launch = plain.launch.model_copy(update={"mode": "dmp", "sharding": sharding})
        sharded = build_parallel(plain.model_copy(update={"launch": launch}), 50, group)
        sharded.load(weights)
        assert "output" not in sharded.state()
        rows, biases = sharded.output_rows()
        part = sharded.bert4rec.part.rows
        assert torch.equal(rows, weights[ITEM_TABLE][part.start : part.stop])
        assert len(rows) == len(biases) == len(part)
        assert group.sum([float(len(part))]) == [50.0]
        wanted = torch.tensor([49, 7, 3])[: 3 - group.rank]
        expected, found = replicated.bert4rec.item_rows(wanted), sharded.bert4rec.item_rows(wanted)
        assert all(torch.equal(*pair) for pair in zip(found, expected)), "other rows"
        items, lengths = torch.tensor([1, 2, 50]), torch.tensor([3])
        hidden = sharded.bert4rec.encode(items, lengths, torch.tensor([2]))
        rows, biases = sharded.bert4rec.item_rows(wanted)
        ((hidden * rows).sum() + biases.sum()).backward()
        sharded.optimisers.step()
        after = group.broadcast(sharded.full_state())
        moved = (after[ITEM_TABLE] != weights[ITEM_TABLE]).any(1).nonzero()[:, 0].tolist()
        assert moved == [1, 2, 3, 7, 49, 50], f"a step moved the rows {moved}"
        assert (after["output_bias"] != weights["output_bias"]).nonzero()[:, 0].tolist() == [3, 7, 49]

with process_group(0) as group:
    check(group)
print("rank done")
"""


def test_a_tied_output_scores_and_learns_through_the_sharded_table(tmp_path):
    assert on_ranks(2, TIED, tmp_path).count("rank done") == 2


TOO_SMALL = """
import sys
from engine.distributed.process_group import process_group
from engine.distributed.parallel_model import build_parallel
from engine.contract.errors import B4RError
from tests.builders import experiment_of

with process_group(0) as group:
    launch = {"mode": "dmp", "sharding": "table_wise", "memory_gb": 0.0005}
    try:
        build_parallel(experiment_of(launch=launch), 5000, group)
    except B4RError as error:
        sys.stdout.write(error.sentence + "\\n")
"""


def test_a_plan_that_does_not_fit_is_one_sentence_on_every_rank(tmp_path):
    said = on_ranks(2, TOO_SMALL, tmp_path).splitlines()
    assert len(said) == 2
    assert said[0] == said[1]
    assert said[0].startswith("launch.memory_gb: an item table of 5,001 x 16 (")
    assert "0.0005 GB on each of 2 ranks with sharding = table_wise; use more ranks" in said[0]
