"""Trains TorchRec's own BERT4Rec example from a checkout until killed: `peer_torchrec.py FOLDER ddp|dmp`.

FOLDER is the example's (`examples/bert4rec`); settings and data, in the format of MovieLens 1M, are in the
working directory, written by train.py. It cuts the same windows as we do and runs its own program; only this
is patched:

- The negatives for its evaluation and the validation before the first step are skipped: they are not training.
- In dmp, fused Adam, which FBGEMM has on GPUs only, becomes row-wise Adagrad, as in ours."""

import importlib
import json
import os
import sys
from pathlib import Path
from types import SimpleNamespace

import step_clock
from fbgemm_gpu.split_embedding_configs import EmbOptimType

EVALUATION_ITEMS = 10  # negatives that are never used


def constant_negatives(_, frames):
    """Replace draws by popularity, which take minutes on many items."""
    frames["test_negative_samples"] = {user: list(range(1, 1 + EVALUATION_ITEMS)) for user in frames["train"]}
    return frames


def adapt(example):
    """Patch what would not run here, or is not training."""
    example._validate = lambda *_, **__: None
    example.Bert4RecPreprocsser._generate_negative_samples = constant_negatives
    example.EmbOptimType = SimpleNamespace(ADAM=EmbOptimType.EXACT_ROWWISE_ADAGRAD)


def flags(settings, mode):
    """Return its command line."""
    return [
        *("--dataset_name", "ml-1m", "--dataset_path", ".", "--mode", mode),
        *("--dupe_factor", "1", "--min_user_count", "5", "--num_epochs", "1000000"),
        *("--max_len", str(settings["max_len"]), "--emb_dim", str(settings["emb_dim"])),
        *("--nhead", str(settings["nhead"]), "--num_layers", str(settings["num_layers"])),
        *("--mask_prob", str(settings["mask_prob"]), "--train_batch_size", str(settings["batch"])),
    ]


folder, mode = sys.argv[1:]
sys.path[0] = folder  # replaces ours, where `data` is another package
single_process = {
    "RANK": "0",
    "LOCAL_RANK": "0",
    "WORLD_SIZE": "1",
    "MASTER_ADDR": "127.0.0.1",
    "MASTER_PORT": "0",
}
os.environ.update(single_process)
example = importlib.import_module("bert4rec_main")
adapt(example)
step_clock.start(Path("steps.jsonl"))
example.main(flags(json.loads(Path("settings.json").read_text()), mode))
