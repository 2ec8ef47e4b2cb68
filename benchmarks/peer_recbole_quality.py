"""Trains RecBole's BERT4Rec on the windows of `log/`, and scores the test users at the best epoch by its validation.

Run by quality.py in its folder, by the peers' Python. Writes `scores.npy`, (users, items), and `result.json`.
"""

import json
from logging import getLogger
from pathlib import Path

import numpy as np
import torch
from recbole.config import Config
from recbole.data import create_dataset
from recbole.data.dataloader import FullSortEvalDataLoader, TrainDataLoader
from recbole.utils import get_model, get_trainer, init_logger, init_seed

settings = json.loads(Path("settings.json").read_text())
split = np.load("split.npz")
config = Config(
    model="BERT4Rec",
    dataset="log",
    config_dict={
        "data_path": ".",
        "benchmark_filename": ["train", "valid", "test", "rest"],
        "USER_ID_FIELD": "user_id",
        "ITEM_ID_FIELD": "item_id",
        "TIME_FIELD": "timestamp",
        "load_col": {"inter": ["user_id", "item_id_list", "item_id"]},
        "alias_of_item_id": ["item_id_list"],
        "MAX_ITEM_LIST_LENGTH": settings["max_len"],
        "hidden_size": settings["emb_dim"],
        "inner_size": 4 * settings["emb_dim"],
        "n_layers": settings["num_layers"],
        "n_heads": settings["nhead"],
        "hidden_dropout_prob": settings["dropout"],
        "attn_dropout_prob": settings["dropout"],
        "mask_ratio": settings["mask_prob"],
        "learning_rate": settings["lr"],
        "train_batch_size": settings["batch"],
        "train_neg_sample_args": None,
        "epochs": settings["num_epochs"],
        "stopping_step": settings["num_epochs"] + 1,
        "eval_args": {"order": "TO", "mode": "full", "group_by": "user"},
        "metrics": ["Recall", "NDCG"],
        "topk": [10],
        "valid_metric": "NDCG@10",
        "metric_decimal_place": 6,
        "eval_batch_size": 256,
        "checkpoint_dir": "saved",
        "seed": settings["seed"],
        "use_gpu": False,
        "worker": 0,
        "state": "ERROR",
        "show_progress": False,
    },
)
init_seed(config["seed"], True)
init_logger(config)
getLogger().setLevel("ERROR")
dataset = create_dataset(config)
train, valid, test = dataset.build()[:3]


def ids(field, tokens):
    """Return RecBole's IDs of ours."""
    return np.array([dataset.token2id(field, str(token)) for token in tokens])


items = ids("item_id", range(int(split["num_items"])))
for part, name in ((valid, "validate"), (test, "test")):
    users = ids("user_id", range(len(split[name])))
    assert (part.inter_feat["user_id"].numpy() == users).all(), "the users differ"
    assert (part.inter_feat["item_id"].numpy() == items[split[name]]).all(), "the held-out items differ"

batches = TrainDataLoader(
    config, train, None, shuffle=True
)  # before the model, which reads what this adds to config
model = get_model(config["model"])(config, train)
trainer = get_trainer(config["MODEL_TYPE"], config["model"])(config, model)
validations = []
evaluate = trainer.evaluate


def recording_evaluate(*arguments, **named):
    """Record the result of each validation."""
    result = evaluate(*arguments, **named)
    validations.append(float(result["ndcg@10"]))
    return result


trainer.evaluate = recording_evaluate
trainer.fit(
    batches,
    FullSortEvalDataLoader(config, valid, None, shuffle=False),
    verbose=False,
)
# Trainer.evaluate(load_best_model=True) would do this, but torch now refuses the settings in RecBole's checkpoints
best = torch.load(trainer.saved_model_file, weights_only=False)
model.load_state_dict(best["state_dict"])
loader = FullSortEvalDataLoader(config, test, None, shuffle=False)
peer_metrics = evaluate(loader, load_best_model=False)
model.eval()
with torch.no_grad():
    scores = torch.cat([model.full_sort_predict(batch[0]) for batch in loader])[:, items]
np.save("scores.npy", scores.numpy())
Path("result.json").write_text(
    json.dumps({"validations": validations, "own_ndcg": float(peer_metrics["ndcg@10"])})
)
