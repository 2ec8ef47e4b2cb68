"""Real checkpoints evaluated by the command: own and other data, other ranks and modes, bare files, run files."""

import gzip
import json
import os
import shutil
import subprocess
import sys

import ir_measures
import pytest
from ir_measures import RR, R, nDCG

from b4r_tui.runs.programs.evaluate import start
from b4r_tui.runs.store import run_at
from engine.contract.config.experiment import read_run_config
from engine.contract.events import EventWriter, RunStarted
from engine.contract.options.evaluate import EvaluateOptions
from engine.data.load import load_dataset
from engine.evaluation.trec_files import file_names
from engine.programs.evaluate import as_trained
from tests.builders import experiment_of, write_run_config
from tests.engine.conftest import SECONDS, run_module

pytestmark = pytest.mark.torchrun


def command(*arguments, folder=None):
    """The command line of the app, as a program of its own."""
    env = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": os.getcwd()}  # noqa: PTH109
    return subprocess.run(
        [sys.executable, "-m", "b4r_tui", "evaluate", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        env=env,
        cwd=folder,
        check=False,
    )


def copied(run_dir, tmp_path):
    """The same run, for this test alone."""
    return shutil.copytree(run_dir, tmp_path / "runs" / "tiny" / run_dir.name)


def result_of(folder):
    return json.loads((folder / "metrics.json").read_text())


def texts(folder):
    """Every small file of a run by name, to see what changed."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and "evaluations" not in path.parts
    }


def check_run_files(folder, result):
    """What ir-measures finds in the files are the metrics of the result."""
    truth = list(ir_measures.read_trec_qrels(str(folder / "predictions" / "qrels.txt")))
    for protocol, metrics in result["metrics"].items():
        path = folder / "predictions" / file_names(result["dataset"], protocol)[1]
        found = ir_measures.calc_aggregate(
            [nDCG @ 10, R @ 5, RR], truth, list(ir_measures.read_trec_run(str(path)))
        )
        expected = {nDCG @ 10: "ndcg@10", R @ 5: "recall@5", RR: "mrr"}
        for measured, name in expected.items():
            assert found[measured] == pytest.approx(metrics[name]["value"], abs=1e-6), (protocol, name)


def six_columns(folder, protocol):
    path = folder / "predictions" / file_names("synthetic", protocol)[0]
    rows = [line.split("\t") for line in gzip.decompress(path.read_bytes()).decode().splitlines()]
    assert all(len(row) == 6 for row in rows)
    return [(row[0], row[2]) for row in rows], [float(row[4]) for row in rows]


def test_repeating_a_runs_own_test_keeps_its_training_events(ddp_run, tmp_path):
    run_dir, told = copied(ddp_run, tmp_path), []
    before, result = texts(run_dir), result_of(run_dir)
    path = start(run_at(run_dir), EvaluateOptions(run_files=True), lambda *step: told.append(step))
    assert path == run_dir / "metrics.json"
    again, after = result_of(run_dir), texts(run_dir)
    files = again.pop("run_files")
    assert again == result and len(result["checkpoint_sha256"]) == 64
    added = [
        line for line in after["events.jsonl"].splitlines() if line not in before["events.jsonl"].splitlines()
    ]
    assert [json.loads(line)["type"] for line in added] == ["test"]
    assert after["events.jsonl"].startswith(before["events.jsonl"])
    changed = {name for name in after if after[name] != before.get(name)}
    assert changed == {"events.jsonl", "metrics.json", *files}
    assert {(phase, step) for phase, step, steps in told if phase and step == steps} == {
        ("popularity", 1),
        ("markov", 1),
        ("test", 1),
        ("write", 1),
    }
    check_run_files(run_dir, again)


@pytest.mark.long
def test_run_files_are_the_same_on_any_ranks_and_in_both_modes(dmp_run, tmp_path):
    found = []
    for mode, j in (("dmp", "1x2"), ("ddp", "1x1")):
        run_dir = copied(dmp_run, tmp_path / mode)
        options = EvaluateOptions(pth="epoch_0_model.pth", mode=mode, j=j, run_files=True, list_length=15)
        folder = start(run_at(run_dir), options, lambda *_: None).parent
        assert folder.parent == run_dir / "evaluations"
        result = result_of(folder)
        assert result["settings"]["mode"] == mode and result["checkpoint_epoch"] == 0
        check_run_files(folder, {**result, "metrics": {"popular-10": result["metrics"]["popular-10"]}})
        found.append([six_columns(folder, protocol) for protocol in ("full", "popular-10")])
        assert texts(run_dir) == texts(dmp_run)
    for (pairs, logs), (other_pairs, other_logs) in zip(*found, strict=True):
        assert pairs == other_pairs and len(pairs) == len(set(pairs))
        assert logs == pytest.approx(other_logs, abs=1e-5)
    assert len(found[0][0][0]) == 60 * 15


def library_thing(run_dir, path):
    """The run's data as reviews of LibraryThing, with a user and an item that it did not have."""
    data = load_dataset(read_run_config(run_dir).data)
    lines = []
    for user, (first, end) in enumerate(zip(data.offsets, data.offsets[1:], strict=False)):
        pairs = [(str(data.item_ids[item]), str(data.user_ids[user])) for item in data.items[first:end]]
        lines += [
            f"reviews[{pair!r}] = {{'stars': 4.0, 'unixtime': {time}}}" for time, pair in enumerate(pairs)
        ]
    lines += [f"reviews[('never seen', 'someone')] = {{'unixtime': {time}}}" for time in range(7)]
    path.mkdir()
    (path / "reviews.txt").write_text("reviews = {}\n" + "\n".join(lines) + "\n")
    return path


@pytest.mark.long
def test_the_original_s_eval_script_is_one_command(single_run, tmp_path):
    """Another data set by format and path, a checkpoint by name, dmp on one process: as docs/evaluate.md has it.

    The data are the run's own under other indices, so that the numbers must be its own.
    """
    run_dir = copied(single_run, tmp_path)
    before, own = texts(run_dir), result_of(run_dir)
    pth = own["checkpoint"].removeprefix("checkpoints/")
    lt = library_thing(run_dir, tmp_path / "lt")
    flags = ["--dataset-name", "lt", "--dataset-path", "lt", "--pth", pth, "--mode", "dmp", "--j", "1x1"]
    done = command(
        run_dir, *flags, "--protocols", "full", "popular-100", "--run-files", "--json", folder=tmp_path
    )
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["dataset"] == "lt" and result["settings"]["data"]["dataset_path"] == str(lt)
    assert result["unknown"] == {"items": 1, "interactions": 7, "users": 1}
    assert result["split_fingerprint"] != own["split_fingerprint"]
    assert result["checkpoint_sha256"] == own["checkpoint_sha256"]
    for name, interval in own["metrics"]["full"].items():
        value = interval["value"] * (60 / 61 if name.startswith("arp") else 1)  # is a share of the users
        assert result["metrics"]["full"][name]["value"] == pytest.approx(value, abs=1e-6), name
    assert "predictions/run-Bert4Rec-lt-fold1.txt.gz" in result["run_files"]
    assert texts(run_dir) == before


def test_a_bare_checkpoint_is_evaluated_with_its_settings_alone(dmp_run, tmp_path):
    bare = shutil.copy(dmp_run / "checkpoints" / "epoch_1_model.pth", tmp_path / "mine.pth")
    done = command(bare)
    assert done.returncode == 2 and "add --config" in done.stderr
    done = command(bare, "--config", dmp_run / "config.toml", "--j", "1x1", "--protocols", "full")
    assert done.returncode == 0, done.stderr
    (folder,) = (tmp_path / "mine_evaluated" / "evaluations").iterdir()
    value = result_of(folder)["metrics"]["full"]["ndcg@10"]["value"]
    row = next(
        line.split() for line in done.stdout.splitlines() if line.startswith("full") and "ndcg@10" in line
    )
    assert row[2] == f"{value:.4f}" and str(folder / "metrics.json") in done.stdout


def test_a_checkpoint_that_does_not_fit_is_refused_with_its_sizes(single_run, tmp_path):
    (tmp_path / "experiments.toml").write_text(
        "[experiments.wide]\ndata.dataset_name = 'synthetic'\nmodel.emb_dim = 32\nlaunch.gpu = 0\n"
    )
    bare = shutil.copy(single_run / "checkpoints" / "epoch_1_model.pth", tmp_path / "mine.pth")
    done = command(bare, "--config", tmp_path / "experiments.toml#wide", "--j", "1x2")
    assert done.returncode == 2, done.stderr
    assert "contains [40, 16] for output, but this experiment has [30, 32]" in done.stderr
    assert done.stderr.count("\n") == 1


def test_data_that_changed_since_the_training_are_refused_unless_they_are_named(single_run, tmp_path):
    write_run_config(
        tmp_path,
        experiment_of(
            model={"dropout": 0.0},
            data={"random_size": 950},
            evaluation={"pth": str(single_run / "checkpoints" / "epoch_1_model.pth")},
        ),
    )
    done = run_module("engine.programs.evaluate", [str(tmp_path)], 0)
    last = json.loads(done.stdout.splitlines()[-1])
    assert done.returncode == last["code"] == 2
    assert "was trained on other data or another split" in last["error"]
    assert not (tmp_path / "metrics.json").exists() and not (tmp_path / "events.jsonl").read_bytes()


@pytest.mark.parametrize(("told", "expected"), [("", "auto"), ("bf16", "bf16"), ("fp32", "fp32")])
def test_a_run_that_chose_its_precision_by_itself_keeps_it(tmp_path, told, expected):
    started = RunStarted(
        run_id="1",
        experiment="tiny",
        world_size=1,
        device="cpu",
        mode="ddp",
        dataset={},
        parameters=1,
        precision=told,
    )
    EventWriter(tmp_path / "events.jsonl").write(started)
    for setting, found in (("auto", expected), ("fp32", "fp32")):
        experiment = experiment_of(training={"precision": setting})
        assert as_trained(tmp_path, experiment).training.precision == found
