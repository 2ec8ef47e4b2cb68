"""The folder `checkpoints/last`: complete whatever is killed, and resharded between ranks and modes."""

import os
import subprocess
import sys

import pytest
import torch

from engine.contract.errors import B4RError
from engine.distributed.process_group import process_group
from engine.runtime.checkpoints.resumable import ResumableCheckpoint
from tests.builders import experiment_of
from tests.conftest import ROOT


class Killed(BaseException):
    """What a kill does to the code that follows: it never runs."""


@pytest.mark.parametrize("renames", [0, 1, 2])
def test_a_kill_while_saving_leaves_the_old_or_the_new(tmp_path, monkeypatch, renames):
    with process_group(0) as group:
        last = ResumableCheckpoint(tmp_path, group)
        assert last.facts() is None
        last.save({"a": torch.full((3, 2), 1.0)}, {"number": 1})
        done: list = []
        rename = type(tmp_path).rename

        def rename_or_die(path, target):
            nonlocal done
            if path.is_dir() and len(done) == renames:
                raise Killed
            done += [target] * path.is_dir()
            return rename(path, target)

        with monkeypatch.context() as patched:
            patched.setattr(type(tmp_path), "rename", rename_or_die)
            if renames == 2:
                patched.setattr("engine.runtime.checkpoints.resumable._sync_folder", _dies_at_second_call())
            with pytest.raises(Killed):
                last.save({"a": torch.full((3, 2), 2.0)}, {"number": 2})
        again = ResumableCheckpoint(tmp_path, group)
        expected = 2 if renames == 2 else 1
        assert again.facts() == {"number": expected}
        state = {"a": torch.zeros(3, 2)}
        assert again.load_into(state) == []
        assert torch.equal(state["a"], torch.full((3, 2), float(expected)))
        again.save({"a": torch.full((3, 2), 3.0)}, {"number": 3})
        assert again.facts() == {"number": 3}
        assert [path.name for path in tmp_path.iterdir()] == ["last"], "something was left lying about"


def _dies_at_second_call():
    calls = []

    def sync(_):
        calls.append(1)
        if len(calls) == 2:
            raise Killed

    return sync


def test_tensors_of_another_size_or_missing_are_named_and_not_loaded(tmp_path):
    with process_group(0) as group:
        last = ResumableCheckpoint(tmp_path, group)
        last.save({"a": torch.ones(3), "b": torch.ones(2)}, {})
        state = {"a": torch.zeros(3), "b": torch.zeros(5), "c": torch.zeros(1)}
        assert last.load_into(state) == ["b", "c"]
        assert state["a"].sum() == 3 and state["b"].sum() == state["c"].sum() == 0


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path, monkeypatch):
    with process_group(0) as group:
        monkeypatch.setattr("torch.distributed.checkpoint.filesystem.torch.save", _full)
        with pytest.raises(B4RError, match="No space left") as raised:
            ResumableCheckpoint(tmp_path, group).save({"a": torch.ones(3)}, {})
        assert "\n" not in raised.value.sentence


def _full(*_: object, **__: object) -> None:
    raise OSError(28, "No space left on device")


WORKER = """
import os
import sys
import traceback
from pathlib import Path
import torch
from engine.data.loader import Batch
from engine.distributed.process_group import process_group
from engine.distributed.parallel_model import build_parallel
from engine.distributed.sharded_tensors import full_state
from engine.model.bert4rec import ITEM_TABLE
from engine.runtime.checkpoints.resumable import ResumableCheckpoint
from tests.builders import experiment_of

FOLDER, WRITES = Path(sys.argv[1]), sys.argv[2] == "write"
ITEMS, LENGTHS = torch.tensor([1, 2, 100, 7, 100]), torch.tensor([3, 2])

def built(group, mode, sharding="auto"):
    ranks = f"1x{group.world_size}"
    return build_parallel(experiment_of(launch={"mode": mode, "sharding": sharding, "j": ranks}), 100, group)

def stepped(model, times):
    for _ in range(times):
        model.objective(Batch(ITEMS, LENGTHS, torch.tensor([2, 4]), torch.tensor([5, 6]))).backward()
        model.optimisers.step()

def whole(group, model):
    state = model.state_for_resume()
    flat = {n: t for n, t in state.items() if n.startswith("model.") or "exp_avg" in n}
    found = full_state(flat, group)
    name = f"optimiser.{ITEM_TABLE}.item.momentum1"  # a rank that holds no shard does not know of it
    shards = state[name].local_shards() if name in state else []
    parts = group.gather([(shard.metadata.shard_offsets[0], shard.tensor.clone()) for shard in shards])
    pieces = dict(piece for part in parts for piece in part)
    if pieces:
        found[name] = torch.cat([pieces[start] for start in sorted(pieces)])
    return found

def check(group, mode, sharding, source):
    model = built(group, mode, sharding)
    untouched = group.broadcast(whole(group, model))
    missing = ResumableCheckpoint(FOLDER / source, group).load_into(model.state_for_resume())
    expected = torch.load(FOLDER / f"{source}.pt") if group.is_first else {}
    for name, tensor in whole(group, model).items():
        wanted = untouched[name] if name in missing else expected[name]
        assert torch.equal(tensor, wanted), (source, mode, sharding, name)
    same_mode = source.startswith(mode)
    assert not group.is_first or same_mode == (not any(ITEM_TABLE in name for name in missing)), missing
    assert all(ITEM_TABLE in name or ".fused." in name for name in missing), missing
    stepped(model, 1)

def main(group):
    if WRITES:
        for mode in ("ddp", "dmp"):
            model = built(group, mode, "row_wise")
            stepped(model, 3)
            ResumableCheckpoint(FOLDER / mode, group).save(model.state_for_resume(), {"mode": mode})
            found = whole(group, model)
            if group.is_first:
                torch.save(found, FOLDER / f"{mode}.pt")
                assert found[f"optimiser.output.exp_avg"].abs().sum() > 0
    for mode, sharding in (("ddp", "auto"), ("dmp", "row_wise"), ("dmp", "table_wise")):
        for source in ("ddp", "dmp"):
            check(group, mode, sharding, source)
    print("rank done")

with process_group(0) as group:
    try:
        main(group)
    except BaseException:  # the models live on in the traceback, and would keep the group from ending
        traceback.print_exc()
        os._exit(1)
"""


@pytest.mark.torchrun
def test_a_checkpoint_of_two_ranks_is_read_by_one_or_two_in_either_mode(tmp_path):
    worker = tmp_path / "worker.py"
    worker.write_text(WORKER)
    env = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    torchrun = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    for launcher, task, ranks in ((torchrun, "write", 2), ([], "read", 1)):
        command = [sys.executable, *launcher, str(worker), str(tmp_path), task]
        done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False, env=env)
        assert done.returncode == 0, done.stderr
        assert done.stdout.count("rank done") == ranks


WITHOUT_TORCHREC = """
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("torchrec", "fbgemm_gpu", "engine"):
            raise ImportError(f"{name} is not here")
sys.meta_path.insert(0, Absent())
import torch
content = torch.load(sys.argv[1], weights_only=True)
assert set(content) == {"model", "epoch", "item_ids", "split_fingerprint"}
assert all(type(tensor) is torch.Tensor for tensor in content["model"].values())
print(len(content["item_ids"]), *content["model"]["items.embeddings.item.weight"].shape)
"""


@pytest.mark.torchrun
def test_an_epoch_file_of_dmp_loads_where_there_is_no_torchrec(dmp_run):
    path = dmp_run / "checkpoints" / "epoch_1_model.pth"
    command = [sys.executable, "-c", WITHOUT_TORCHREC, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    items = experiment_of().data.random_item_count
    assert done.stdout.split() == [str(items), str(items + 1), "16"]
