"""Times `recommend` and `calc_metrics` of RecTools' BERT4Rec after one training batch. Run by peers.py."""

import json
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from pytorch_lightning import Trainer
from rectools import Columns
from rectools.dataset import Dataset
from rectools.metrics import MRR, NDCG, Recall, calc_metrics
from rectools.models import BERT4RecModel

warnings.filterwarnings("ignore")
settings = json.loads(Path("settings.json").read_text())
log = np.load("log.npz")
rows = pd.DataFrame({Columns.User: log["users"], Columns.Item: log["items"], Columns.Weight: 1.0})
position = rows.groupby(Columns.User).cumcount()
rows[Columns.Datetime] = pd.Timestamp("2000-01-01") + pd.to_timedelta(position, unit="s")
last = position == rows.groupby(Columns.User)[Columns.Item].transform("size") - 1
known, held_out = rows[~last], rows[last]


def one_batch():
    """Return a trainer that stops after one batch: speed does not depend on the weights."""
    return Trainer(
        max_epochs=1,
        limit_train_batches=1,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )


model = BERT4RecModel(
    n_blocks=settings["num_layers"],
    n_heads=settings["nhead"],
    n_factors=settings["emb_dim"],
    session_max_len=settings["max_len"],
    batch_size=32,
    get_trainer_func=one_batch,
    recommend_batch_size=settings["batch"],
    recommend_torch_device="cpu",
)
dataset = Dataset.construct(known)
model.fit(dataset)
metrics = {"recall": Recall(10), "ndcg": NDCG(10), "mrr": MRR(10)}


def evaluate(users):
    """Return the seconds taken to evaluate these users."""
    targets = held_out[held_out[Columns.User].isin(users)]
    start = time.perf_counter()
    recommended = model.recommend(users=users, dataset=dataset, k=10, filter_viewed=True)
    calc_metrics(metrics, recommended, targets)
    return time.perf_counter() - start


everyone = held_out[Columns.User].unique()
users = everyone[: settings["users"] or None]
evaluate(everyone[: settings["batch"]])  # warm
print(json.dumps({"users": len(users), "seconds": [evaluate(users) for _ in range(settings["repeats"])]}))
