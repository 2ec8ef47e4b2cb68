"""Trains RecBole's BERT4Rec until killed, on files of train.py. Run in its folder by the peers' Python.

`windows/windows.train.inter` has one training sequence per line, so RecBole creates none itself: its default, a
sequence for each prefix of each history, would be different work.

    python peer_recbole_train.py fp32|bf16
"""

import json
import sys
from logging import getLogger
from pathlib import Path

import step_clock
from recbole.config import Config
from recbole.data import create_dataset
from recbole.data.dataloader import TrainDataLoader
from recbole.utils import get_model, get_trainer, init_logger, init_seed

settings = json.loads(Path("settings.json").read_text())
config = Config(
    model="BERT4Rec",
    dataset="windows",
    config_dict={
        "data_path": ".",
        "benchmark_filename": ["train", "rest"],
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
        "ft_ratio": 0.0,  # fine-tuning batches mask one item only, so it would learn less per sequence
        "train_neg_sample_args": None,
        "eval_args": {"order": "TO", "mode": "full", "group_by": "user"},
        "epochs": 1_000_000,
        "train_batch_size": settings["batch"],
        "use_gpu": False,
        "enable_amp": sys.argv[1] == "bf16",
        "worker": 0,
        "state": "ERROR",
        "show_progress": False,
    },
)
init_seed(0, True)
init_logger(config)
getLogger().setLevel("ERROR")
train = create_dataset(config).build()[0]
loader = TrainDataLoader(config, train, None, shuffle=True)
model = get_model(config["model"])(config, train)
trainer = get_trainer(config["MODEL_TYPE"], config["model"])(config, model)
step_clock.start(Path("steps.jsonl"))
trainer.fit(loader, saved=False, verbose=False)
