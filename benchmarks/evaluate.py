"""How many users a second full ranking takes, beside RecBole's and RecTools' BERT4Rec of the same size.

ML-1M with sequences of 200, Amazon Beauty with 50; emb_dim 64, 2 layers, 2 heads, batches of 128 users, untrained
weights, recall, ndcg and mrr at 10, on CPU with as many threads as torch takes by itself. Each library is warmed with
one batch, then evaluates the same users. They take turns, several rounds of them, so that what else the machine does
strikes all alike; the fastest of each counts: the one least disturbed. The peers run in an environment made for them.

    python -m benchmarks.evaluate [--data FOLDER] [--users N] [--repeats N] [--ours-only] [--json]
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks import peers
from benchmarks.histories import Log, read_logs
from engine.contract.config.experiment import Experiment
from engine.contract.ranks.metrics import means
from engine.distributed.parallel_model import build_parallel
from engine.distributed.process_group import ProcessGroup
from engine.evaluation.evaluator import Evaluator
from engine.evaluation.measure import ModelScorer, by_length

OURS = "b4r-tui"
GOAL = 5.0  # times the better peer
SIZE = {"emb_dim": 64, "num_layers": 2, "nhead": 2}
BATCH = 128


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("B4R_TEST_DATA", "../shared/data")))
    parser.add_argument("--users", type=int, default=0, help="users to evaluate; 0 for all")
    parser.add_argument("--repeats", type=int, default=3, help="rounds of measurements (3)")
    parser.add_argument("--ours-only", action="store_true", help="without the peers")
    parser.add_argument("--json", action="store_true", help="JSON instead of a table")
    arguments = parser.parse_args()
    logs = read_logs(arguments.data)
    if not logs:
        sys.exit(
            f"{arguments.data}: neither ml-1m/ratings.dat nor beauty/beauty.txt is there; name a folder by --data"
        )
    results = measure(logs, arguments.users, arguments.repeats, arguments.ours_only)
    print(json.dumps(results, indent=1) if arguments.json else as_table(results))


def measure(logs: list[Log], users: int, repeats: int, ours_only: bool) -> dict[str, Any]:
    """Users a second by data set and library, and how often ours is the better peer's."""
    if not ours_only:
        peers.install()
    found = {log.name: rounds(log, users, repeats, ours_only) for log in logs}
    return {
        "cpus": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "load": round(os.getloadavg()[0], 1),
        "model": {**SIZE, "batch": BATCH},
        "results": found,
        "ratios": {name: ratio(table) for name, table in found.items()},
    }


def rounds(log: Log, users: int, repeats: int, ours_only: bool) -> dict[str, Any]:
    """Each library's figures on a log, measured in turns."""
    evaluate, count = ours(log, users)
    counts = {OURS: count}
    seconds: dict[str, list[float]] = {OURS: []}
    failed: dict[str, dict[str, Any]] = {}
    for _ in range(repeats):
        seconds[OURS].append(evaluate())
        for name, program in {} if ours_only else peers.PROGRAMS.items():
            found = peer(program, log, users)
            if "failed" in found:
                failed[name] = found
            else:
                counts[name] = found["users"]
                seconds.setdefault(name, []).extend(found["seconds"])
    return {name: speed(counts[name], values) for name, values in seconds.items()} | failed


def ours(log: Log, users: int) -> tuple[Callable[[], float], int]:
    """Seconds of full ranking by the engine's own evaluator, warm, lists for coverage included; and its users."""
    dataset = log.dataset()
    experiment = Experiment.model_validate(
        {"name": "speed", "data": {"dataset_name": "random"}, "model": {**SIZE, "max_len": log.max_len}}
    )
    model = build_parallel(experiment, dataset.num_items, ProcessGroup(0, 0, 1, torch.device("cpu")))
    model.objective.eval()
    evaluator, scorer = Evaluator(dataset, ["full"], 0), ModelScorer(model, dataset, "test", log.max_len)
    wanted = by_length(dataset, dataset.evaluated_users("test")[: users or None])

    @torch.no_grad()
    def evaluate(users: np.ndarray) -> float:
        start = time.perf_counter()
        means(evaluator.rank("test", scorer, users, BATCH, list_length=10)["full"], [10])
        return time.perf_counter() - start

    evaluate(wanted[:BATCH])  # warm
    return lambda: evaluate(wanted), len(wanted)


def peer(program: str, log: Log, users: int) -> dict[str, Any]:
    """The same by a peer, once, or why there is no figure."""
    try:
        return peers.run(program, log, {**SIZE, "batch": BATCH, "users": users, "repeats": 1})
    except subprocess.CalledProcessError as error:
        return {"failed": (error.stderr or "").strip().splitlines()[-1:] or [str(error)]}


def speed(users: int, seconds: list[float]) -> dict[str, Any]:
    """The fastest measurement, with all of them."""
    best = min(seconds)
    return {
        "users": users,
        "seconds": round(best, 3),
        "all_seconds": [round(value, 3) for value in seconds],
        "users_per_second": round(users / best, 1),
    }


def ratio(table: dict[str, dict[str, Any]]) -> float | None:
    """Our users a second over the better peer's."""
    others = [
        found["users_per_second"] for name, found in table.items() if name != OURS and "seconds" in found
    ]
    return round(table[OURS]["users_per_second"] / max(others), 2) if others else None


def as_table(results: dict[str, Any]) -> str:
    """The figures for people."""
    lines = [f"{'':10}{'library':18}{'users':>8}{'seconds':>10}{'users/s':>10}"]
    for log, table in results["results"].items():
        for name, found in table.items():
            if "failed" in found:
                lines.append(f"{log:10}{name:18}failed: {found['failed'][0]}")
            else:
                lines.append(
                    f"{log:10}{name:18}{found['users']:8,}{found['seconds']:10.2f}{found['users_per_second']:10,.0f}"
                )
    for log, times in results["ratios"].items():
        if times is not None:
            lines.append(f"{log}: {times} × the better peer (goal {GOAL:g} ×)")
    lines.append(f"{results['cpus']} CPUs, {results['threads']} threads, load {results['load']}")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
