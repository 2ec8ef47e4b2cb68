"""Times `Trainer.evaluate` of RecBole's untrained BERT4Rec in full ranking. Run by peers.py in its folder."""

import json
import time
from logging import getLogger
from pathlib import Path

import numpy as np
import pandas as pd
from recbole.config import Config
from recbole.data import create_dataset
from recbole.data.dataloader import FullSortEvalDataLoader
from recbole.utils import get_model, get_trainer, init_logger, init_seed

settings = json.loads(Path("settings.json").read_text())
log = np.load("log.npz")
rows = pd.DataFrame({"user_id:token": log["users"], "item_id:token": log["items"]})
rows["timestamp:float"] = rows.groupby("user_id:token").cumcount()
Path("log").mkdir()
rows.to_csv("log/log.inter", sep="\t", index=False)

config = Config(
    model="BERT4Rec",
    dataset="log",
    config_dict={
        "data_path": ".",
        "USER_ID_FIELD": "user_id",
        "ITEM_ID_FIELD": "item_id",
        "TIME_FIELD": "timestamp",
        "load_col": {"inter": ["user_id", "item_id", "timestamp"]},
        "MAX_ITEM_LIST_LENGTH": settings["max_len"],
        "hidden_size": settings["emb_dim"],
        "inner_size": 4 * settings["emb_dim"],
        "n_layers": settings["num_layers"],
        "n_heads": settings["nhead"],
        "train_neg_sample_args": None,
        "eval_args": {
            "split": {"LS": "valid_and_test"},
            "order": "TO",
            "mode": "full",
            "group_by": "user",
        },
        "metrics": ["Recall", "NDCG", "MRR"],
        "topk": [10],
        "valid_metric": "NDCG@10",
        "eval_batch_size": settings["batch"],
        "use_gpu": False,
        "worker": 0,
        "state": "ERROR",
        "show_progress": False,
    },
)
init_seed(0, True)
init_logger(config)
getLogger().setLevel("ERROR")
dataset = create_dataset(config)
test = dataset.build()[2]
model = get_model(config["model"])(config, test)
trainer = get_trainer(config["MODEL_TYPE"], config["model"])(config, model)


def evaluate(users):
    """Return the seconds taken to evaluate the first users."""
    loader = FullSortEvalDataLoader(config, test.copy(test.inter_feat[:users]), None, shuffle=False)
    start = time.perf_counter()
    trainer.evaluate(loader, load_best_model=False)
    return time.perf_counter() - start


users = min(settings["users"] or len(test), len(test))
evaluate(settings["batch"])  # warm
print(json.dumps({"users": users, "seconds": [evaluate(users) for _ in range(settings["repeats"])]}))
