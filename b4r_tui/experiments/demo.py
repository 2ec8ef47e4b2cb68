"""The experiments file that the tour makes: two small experiments on made-up data, about a minute each."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from engine.contract.errors import B4RError, ExitCode

DEMO = """\
# What `make demo` runs: BERT4Rec on a small made-up data set, once with each way of spreading it over processes.
# Every key is explained by `b4r-tui schema`; `b4r-tui validate experiments.toml` checks the file.

# Settings of all experiments below.
[defaults.data]
dataset_name = "synthetic"     # users who wander along a hidden chain of items: a model can learn where they go next
random_user_count = 600
random_item_count = 200
random_size = 12_000           # interactions

[defaults.model]
max_len = 24                   # items of a user's history that the model sees
emb_dim = 64
nhead = 2
num_layers = 2
dropout = 0.1

[defaults.training]
num_epochs = 20
lr = 2e-3
mask_prob = 0.3                # part of each history that is hidden and has to be guessed
train_batch_size = 64          # sequences a step, per process

# Data-parallel: every process holds the whole model.
[experiments.chain-ddp]
description = "One process holds the whole model"
launch.mode = "ddp"
launch.j = "1x1"               # nodes x processes

# Model-parallel: the item table is cut in pieces, one a process. `extends` takes over everything else.
[experiments.chain-dmp]
extends = "chain-ddp"
description = "The item table is sharded over two processes"
training.train_batch_size = 32 # two processes: 64 sequences a step, as above
launch.mode = "dmp"
launch.j = "1x2"
"""


def write_demo(path: Path) -> None:
    """Make the demo's experiments file, whole or not at all. Raises B4RError; a file that is there stays as it is."""
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
        raise B4RError(
            f"{path} is there already and was left as it is; open it with `b4r-tui -f {path}`"
        ) from error
    except OSError as error:
        sentence = (
            f"{path} could not be made: {error.strerror or error}; start b4r-tui in a folder you can write"
        )
        raise B4RError(sentence, ExitCode.ENVIRONMENT) from error
