"""The cache: read back as written, shared by processes that build at once, rebuilt when damaged."""

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from engine.contract.errors import B4RError, ExitCode
from engine.data import cache
from tests.builders import dataset_of

ARRAYS = ("items", "offsets", "validation_starts", "test_starts", "user_ids", "item_ids")
FILES = [*(f"{name}.npy" for name in ARRAYS), "facts.json"]
BUILDER = """
import sys, time
from pathlib import Path
from engine.data import cache
from tests.builders import dataset_of

def build():
    with Path(sys.argv[2]).open("a") as built:
        built.write("built ")
    time.sleep(0.5)
    return dataset_of([[0, 1, 2, 3]], 4)

while not Path(sys.argv[3]).exists():
    time.sleep(0.001)
dataset = cache.cached(Path(sys.argv[1]), "key", build)
assert dataset.items.tolist() == [0, 1, 2, 3]
"""


def build():
    return dataset_of([[0, 1, 2], [2, 1, 0, 0]], 3)


def never():
    raise AssertionError("built though it was in the cache")


def assert_equal(one, other):
    for name in ARRAYS:
        assert np.array_equal(getattr(one, name), getattr(other, name))
        assert getattr(one, name).dtype == getattr(other, name).dtype
    for name in ("name", "funnel", "data_fingerprint", "split_fingerprint"):
        assert getattr(one, name) == getattr(other, name)


def test_cached_arrays_equal_the_built_ones_and_are_read_only(tmp_path):
    assert_equal(cache.cached(tmp_path / "new" / "folder", "key", build), build())
    again = cache.cached(tmp_path / "new" / "folder", "key", never)
    assert_equal(again, build())
    with pytest.raises(ValueError, match="read-only"):
        again.items[0] = 1


def start_builder(tmp_path):
    """A process that asks for `key` once the file `gate` is there, and checks what it gets."""
    command = [sys.executable, "-c", BUILDER, tmp_path / "cache", tmp_path / "built", tmp_path / "gate"]
    root = Path(__file__).resolve().parents[3]
    return subprocess.Popen(command, cwd=root, env=os.environ | {"PYTHONPATH": "."})


@pytest.mark.parametrize("damaged", [False, True])
def test_processes_that_ask_at_once_build_once(tmp_path, damaged):
    if damaged:
        cache.cached(tmp_path / "cache", "key", build)
        flip(tmp_path / "cache" / f"key-v{cache.LAYOUT}" / "items.npy")
    processes = [start_builder(tmp_path) for _ in range(4)]
    (tmp_path / "gate").touch()
    assert [process.wait(60) for process in processes] == [0] * 4
    assert (tmp_path / "built").read_text() == "built "
    assert sorted(path.name for path in (tmp_path / "cache").iterdir()) == [
        f"key-v{cache.LAYOUT}",
        f"key-v{cache.LAYOUT}.lock",
    ]


def test_another_process_builds_when_the_builder_is_killed(tmp_path):
    (tmp_path / "gate").touch()
    killed = start_builder(tmp_path)
    while not ((tmp_path / "built").exists() and (tmp_path / "built").read_text()):
        time.sleep(0.001)
    killed.kill()
    assert killed.wait(60) < 0
    assert start_builder(tmp_path).wait(60) == 0
    assert (tmp_path / "built").read_text() == "built built "
    assert not list((tmp_path / "cache").glob(".key*"))


def test_a_reader_of_a_damaged_folder_keeps_its_data(tmp_path):
    before = cache.cached(tmp_path, "key", build)
    flip(tmp_path / f"key-v{cache.LAYOUT}" / "offsets.npy")
    assert_equal(cache.cached(tmp_path, "key", build), build())
    assert before.items.tolist() == build().items.tolist()


def truncate(path):
    path.write_bytes(path.read_bytes()[:-3])


def flip(path):
    path.write_bytes(path.read_bytes()[:-1] + b"\xaa")


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("damage", [truncate, flip, Path.unlink, lambda path: path.write_bytes(b"")])
def test_a_damaged_folder_is_rebuilt(tmp_path, name, damage):
    cache.cached(tmp_path, "key", build)
    damage(tmp_path / f"key-v{cache.LAYOUT}" / name)
    assert_equal(cache.cached(tmp_path, "key", build), build())
    assert_equal(cache.cached(tmp_path, "key", never), build())


@pytest.mark.parametrize("facts", ["[]", "{}", "null", '{"checksums": 3}'])
def test_facts_of_another_type_are_rebuilt(tmp_path, facts):
    cache.cached(tmp_path, "key", build)
    (tmp_path / f"key-v{cache.LAYOUT}" / "facts.json").write_text(facts)
    assert_equal(cache.cached(tmp_path, "key", build), build())


def test_a_failed_build_leaves_nothing_behind(tmp_path):
    def fail():
        raise B4RError("bad line")

    with pytest.raises(B4RError, match="bad line"):
        cache.cached(tmp_path, "key", fail)
    assert [path.suffix for path in tmp_path.iterdir()] == [".lock"]
    assert_equal(cache.cached(tmp_path, "key", build), build())


def test_leftovers_of_a_killed_build_are_deleted(tmp_path):
    leftover = tmp_path / f".key-v{cache.LAYOUT}-abc"
    leftover.mkdir()
    cache.cached(tmp_path, "key", build)
    assert not leftover.exists()


def test_the_folder_of_another_host_that_was_first_is_used(tmp_path):
    folder = tmp_path / f"key-v{cache.LAYOUT}"

    def overtaken():
        cache.cached(tmp_path / "theirs", "key", build)
        (tmp_path / "theirs" / folder.name).rename(folder)
        return build()

    assert_equal(cache.cached(tmp_path, "key", overtaken), build())


def test_a_cache_that_cannot_be_written_is_a_matter_of_the_environment(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(B4RError, match=r"file: the data cache cannot be written .* set B4R_CACHE") as caught:
        cache.cached(tmp_path / "file", "key", build)
    assert caught.value.code is ExitCode.ENVIRONMENT


def test_the_environment_chooses_the_cache_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("B4R_CACHE", str(tmp_path))
    assert cache.default_root() == tmp_path
    monkeypatch.delenv("B4R_CACHE")
    assert cache.default_root().name == "b4r-tui"
