"""Exported models, used with torch alone, and with onnxruntime alone."""

import json
import subprocess
import sys

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from engine.contract.config.experiment import read_run_config
from engine.contract.errors import B4RError, ExitCode
from engine.contract.options.export_model import ModelExport
from engine.programs.export_model import export
from engine.serving import onnx_export
from engine.serving.export_check_inputs import histories_to_try
from engine.serving.loaded_model import load_model
from engine.serving.pth_export import read_plain
from tests.builders import experiment_of, write_run_config
from tests.engine.serving.test_recommend import command

pytestmark = pytest.mark.torchrun
ALONE = """
import sys
sys.modules["torchrec"] = sys.modules["fbgemm_gpu"] = None  # as on a machine that lacks them
import torch
from engine.serving.pth_export import read_plain
model, items = read_plain(sys.argv[1])
print(len(items), [round(x, 4) for x in model(torch.tensor([[-1, 3, 4]]))[0, :3].tolist()])
"""


@pytest.mark.parametrize("run", ["single_run", "ddp_run", "dmp_run"])
def test_a_plain_file_scores_without_torchrec(run, request):
    run_dir = request.getfixturevalue(run)
    done = command("export-model", run_dir, "--format", "pth")
    assert done.returncode == 0, done.stderr
    assert "the file read back reproduces the scores exactly (1 x 1, 1 x 11, " in done.stdout
    trained = load_model(run_dir, read_run_config(run_dir), "best")
    path = run_dir / "exports" / f"epoch_{trained.epoch}_model.pth"
    alone = subprocess.run(
        [sys.executable, "-c", ALONE, str(path)], capture_output=True, text=True, check=True
    )
    with torch.inference_mode():
        expected = [round(x, 4) for x in trained.model(torch.tensor([[-1, 3, 4]]))[0, :3].tolist()]
    assert alone.stdout == f"40 {expected}\n"


def test_a_pth_file_contains_all_that_scoring_needs(single_run):
    path = single_run / "exports" / "epoch_1_model.pth"
    export(single_run, ModelExport("pth", "epoch_1_model.pth"))
    content = torch.load(path, weights_only=True)
    assert content["config"]["emb_dim"] == 16 and len(content["item_ids"]) == 40
    assert content["dataset"] == "synthetic" and content["epoch"] == 1
    assert read_plain(path)[1] == content["item_ids"]


@pytest.mark.parametrize("run", ["single_run", "dmp_run"])
def test_an_onnx_file_gives_torchs_scores_for_any_batch_and_length(run, request, tmp_path):
    run_dir, out = request.getfixturevalue(run), tmp_path / "m.onnx"
    done = command("export-model", run_dir, "--format", "onnx", "--out", out)
    assert done.returncode == 0, done.stderr
    assert "onnxruntime reproduces torch's scores, largest difference " in done.stdout
    trained = load_model(run_dir, read_run_config(run_dir), "best")
    session = onnxruntime.InferenceSession(str(out))
    generator = np.random.default_rng(0)
    for rows, length in [(1, 1), (4, 3), (7, 11)]:
        items = generator.integers(0, 40, (rows, length))
        items[: rows // 2, : length // 2] = -1
        (scores,) = session.run(["scores"], {"history": items})
        with torch.inference_mode():
            np.testing.assert_allclose(scores, trained.model(torch.from_numpy(items)).numpy(), atol=1e-4)
    told = {entry.key: entry.value for entry in onnx.load(out).metadata_props}
    assert json.loads(told["item_ids"]) == trained.item_ids
    assert (told["longest"], told["padding"]) == ("11", "-1")
    record = json.loads((run_dir / "exports" / "m.onnx.json").read_text())
    assert record["file"] == str(out) and 0 <= record["checked"]["difference"] <= 1e-4


@pytest.fixture
def fresh_run(single_run, tmp_path):
    """The run's settings and checkpoints in a folder of the test's own."""
    write_run_config(tmp_path, experiment_of(model={"dropout": 0.0}))
    (tmp_path / "checkpoints").symlink_to(single_run / "checkpoints")
    return tmp_path


def test_a_graph_with_other_scores_is_not_written(fresh_run, monkeypatch):
    monkeypatch.setattr(onnx_export, "ALLOWED", -1.0)
    with pytest.raises(B4RError, match="differ from torch's by") as caught:
        export(fresh_run, ModelExport("onnx"))
    assert caught.value.code == ExitCode.RUN_FAILED
    assert not list((fresh_run / "exports").iterdir())


def test_missing_packages_are_named_with_the_fix(fresh_run, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(
        B4RError, match=r"needs onnx, onnxscript, onnxruntime; run pip install 'b4r-tui\[onnx\]'"
    ):
        onnx_export.check_installed()


def test_a_size_mismatch_with_the_checkpoint_is_an_error(fresh_run):
    write_run_config(fresh_run, experiment_of(model={"emb_dim": 32}))
    with pytest.raises(B4RError, match=r"contains \[.*16.*\] for .*, but this run's settings require \[.*32"):
        export(fresh_run, ModelExport())


def test_models_are_tried_with_one_and_more_rows_short_and_long_padded_and_not(single_run):
    tried = histories_to_try(load_model(single_run, read_run_config(single_run), "best"))
    shapes = {tuple(some.shape) for some in tried}
    assert {rows for rows, _ in shapes} >= {1, 2, 3, 5} and {length for _, length in shapes} >= {1, 2, 11}
    assert any((some[0] < 0).all() for some in tried) and any((some >= 0).all() for some in tried)
