"""Trains RecTools' BERT4Rec on the windows, and scores the test users at the best epoch by its own NDCG@10.

Run by quality.py in its folder, by the peers' Python. Writes `scores.npy`, (users, items), and `result.json`.
Each training window is an artificial user, since RecTools makes one sequence of each; recommendations are for the
real users.
"""

import json
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from pytorch_lightning import Trainer, seed_everything
from rectools import Columns
from rectools.dataset import Dataset
from rectools.metrics import NDCG, calc_metrics
from rectools.models import BERT4RecModel

warnings.filterwarnings("ignore")
settings = json.loads(Path("settings.json").read_text())
split = np.load("split.npz")
num_items = int(split["num_items"])


def rows_of(users, items):
    """Return RecTools' table of interactions, one second apart, so that times strictly increase."""
    rows = pd.DataFrame({Columns.User: users, Columns.Item: items, Columns.Weight: 1.0})
    rows[Columns.Datetime] = pd.Timestamp("2000-01-01") + pd.to_timedelta(np.arange(len(rows)), unit="s")
    return rows


def cpu_trainer():
    """Return a trainer that does nothing but train."""
    return Trainer(
        max_epochs=1,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )


log = rows_of(split["users"], split["items"])
from_end = log.groupby(Columns.User).cumcount(ascending=False)
phases = {
    "validate": (log[from_end >= 2], log[from_end == 1]),
    "test": (log[from_end >= 1], log[from_end == 0]),
}
for phase, (_, held_out) in phases.items():
    ordered = held_out.sort_values(Columns.User)[Columns.Item].to_numpy()
    assert (ordered == split[phase]).all(), "the held-out items differ"

windows = np.load("windows.npz")
training = Dataset.construct(rows_of(windows["users"], windows["items"]))
known = {phase: Dataset.construct(rows) for phase, (rows, _) in phases.items()}
users = np.arange(len(split["test"]))
metric = {"ndcg": NDCG(10, divide_by_achievable=True)}

seed_everything(settings["seed"])
model = BERT4RecModel(
    n_blocks=settings["num_layers"],
    n_heads=settings["nhead"],
    n_factors=settings["emb_dim"],
    dropout_rate=settings["dropout"],
    session_max_len=settings["max_len"],
    mask_prob=settings["mask_prob"],
    lr=settings["lr"],
    batch_size=settings["batch"],
    get_trainer_func=cpu_trainer,
    recommend_torch_device="cpu",
)


def recommend(phase, k):
    """Return the k best unseen items of every user."""
    return model.recommend(users=users, dataset=known[phase], k=k, filter_viewed=True)


def ndcg(recommended, phase):
    """Return RecTools' own figure."""
    return float(calc_metrics(metric, recommended, phases[phase][1])["ndcg"])


validations, scores, own_ndcg = [], None, None
for _ in range(settings["num_epochs"]):
    model.fit_partial(training, min_epochs=1, max_epochs=1)
    validations.append(ndcg(recommend("validate", 10), "validate"))
    if validations[-1] == max(validations):
        recommended = recommend("test", num_items)
        scores = np.full((len(users), num_items), -np.inf, np.float32)
        scores[recommended[Columns.User], recommended[Columns.Item]] = recommended[Columns.Score]
        own_ndcg = ndcg(recommended, "test")
np.save("scores.npy", scores)
Path("result.json").write_text(json.dumps({"validations": validations, "own_ndcg": own_ndcg}))
