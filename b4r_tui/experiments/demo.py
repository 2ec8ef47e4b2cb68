"""The experiments file that the tour creates: two small experiments on generated data, about a minute each."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from engine.contract.errors import B4RError, ExitCode

DEMO = """\
# What `make demo` runs: BERT4Rec on a small generated data set, data-parallel and model-parallel.
# Every key is explained by `b4r-tui schema`; `b4r-tui validate experiments.toml` checks the file.

# Settings of all experiments below.
[defaults.data]
dataset_name = "synthetic"     # users follow a hidden Markov chain over items
random_user_count = 600
random_item_count = 200
random_size = 12_000           # interactions

[defaults.model]
max_len = 24                   # most recent items of a user that the model sees
emb_dim = 64
nhead = 2
num_layers = 2
dropout = 0.1

[defaults.training]
num_epochs = 20
lr = 2e-3
mask_prob = 0.3                # fraction of items masked
train_batch_size = 64          # per-process batch size

# Data-parallel: every process holds the whole model.
[experiments.chain-ddp]
description = "One process holds the whole model"
launch.mode = "ddp"
launch.j = "1x1"               # nodes x processes

# Model-parallel: the item table is sharded, one shard per process. `extends` inherits everything else.
[experiments.chain-dmp]
extends = "chain-ddp"
description = "The item table is sharded over two processes"
training.train_batch_size = 32 # two processes: 64 sequences per step, as above
launch.mode = "dmp"
launch.j = "1x2"
"""


def write_demo(path: Path) -> None:
    """Write the demo's experiments file atomically. Raises B4RError; an existing file is never overwritten."""
    try:
        fd, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(fd, "w", encoding="utf-8") as file:
                file.write(DEMO)
                file.flush()
                os.fsync(file.fileno())
            Path(name).chmod(0o644)
            os.link(name, path)  # unlike a rename, it never replaces
        finally:
            Path(name).unlink(missing_ok=True)
    except FileExistsError as error:
        raise B4RError(f"{path} exists and was not changed; open it with `b4r-tui -f {path}`") from error
    except OSError as error:
        sentence = f"{path} cannot be written: {error.strerror or error}; start b4r-tui in a writable folder"
        raise B4RError(sentence, ExitCode.ENVIRONMENT) from error
