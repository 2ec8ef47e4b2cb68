"""Trains RecTools' BERT4Rec until killed, on files of train.py. Run in its folder by the peers' Python.

RecTools makes one sequence of each user, the last max_len items. `windows.npz` has the rows of an artificial user
for each training window, so the sequences are those windows.

    python peer_rectools_train.py fp32|bf16
"""

import json
import sys
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import step_clock
from pytorch_lightning import Trainer
from rectools import Columns
from rectools.dataset import Dataset
from rectools.models import BERT4RecModel

warnings.filterwarnings("ignore")
settings = json.loads(Path("settings.json").read_text())
windows = np.load("windows.npz")
rows = pd.DataFrame({Columns.User: windows["users"], Columns.Item: windows["items"], Columns.Weight: 1.0})
rows[Columns.Datetime] = pd.Timestamp("2000-01-01") + pd.to_timedelta(np.arange(len(rows)), unit="s")


def endless():
    """Return a trainer that does nothing but train."""
    return Trainer(
        max_epochs=1_000_000,
        accelerator="cpu",
        precision={"fp32": "32-true", "bf16": "bf16-mixed"}[sys.argv[1]],
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )


model = BERT4RecModel(
    n_blocks=settings["num_layers"],
    n_heads=settings["nhead"],
    n_factors=settings["emb_dim"],
    dropout_rate=settings["dropout"],
    session_max_len=settings["max_len"],
    mask_prob=settings["mask_prob"],
    batch_size=settings["batch"],
    get_trainer_func=endless,
)
step_clock.start(Path("steps.jsonl"))
model.fit(Dataset.construct(rows))
