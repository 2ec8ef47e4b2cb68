"""Names of the files in a run folder: the interface between the engine, which writes most of them, and the app.

`docs/reference/run-folder.md` describes their contents. Names never change, so older run folders stay readable.
"""

from __future__ import annotations

CONFIG = "config.toml"
STATUS = "status.json"
EXIT = "exit.json"
LOCK = "lock"
SUMMARY = "summary.json"
QUEUE = "queue.json"
EVENTS = "events.jsonl"
ENVIRONMENT = "environment.json"
METRICS = "metrics.json"  # in the run folder, and in each folder of EVALUATIONS
ATTEMPTS = "attempts"
SLURM_SCRIPT = "slurm.sh"
TENSORBOARD = "tensorboard"

LOGS = "logs"
LAUNCHER_LOG = "launcher.log"
RANK_LOGS = "rank_*.log"  # pattern of `rank_log`
TRACKERS_LOG = "trackers.log"

CHECKPOINTS = "checkpoints"
BEST = "best.json"
RESUMABLE = "last"  # folder of the checkpoint that training resumes from
RESUMABLE_STATE = "state.json"

PREDICTIONS = "predictions"
QRELS = "qrels.txt"
EVALUATIONS = "evaluations"
FAIRNESS = "fairness"
RECOMMENDATIONS = "recommendations"
EXPORTS = "exports"


def rank_log(rank: int) -> str:
    """Return the name of a rank's log in LOGS."""
    return f"rank_{rank}.log"


def epoch_checkpoint(epoch: int) -> str:
    """Return the name of an epoch's checkpoint in CHECKPOINTS; epochs count from 0."""
    return f"epoch_{epoch}_model.pth"


def ranks_file(protocol: str) -> str:
    """Return the name of the file in PREDICTIONS with the ranks of users under a protocol."""
    return f"ranks_{protocol}.parquet"
