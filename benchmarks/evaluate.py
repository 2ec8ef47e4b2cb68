"""Measures users per second of full ranking vs. RecBole's and RecTools' BERT4Rec of the same size.

ML-1M with sequences of 200, Amazon Beauty with 50; emb_dim 64, 2 layers, 2 heads, batches of 128 users, untrained
weights, recall, ndcg and mrr at 10, on CPU with torch's default number of threads. Each library is warmed up with one
batch, then evaluates the same users. They alternate over several rounds, so that other load on the machine affects all
alike; the fastest round of each counts, as the least disturbed. The peers run in a separate environment.

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
    parser.add_argument("--users", type=int, default=0, help="users to evaluate; 0: all")
    parser.add_argument("--repeats", type=int, default=3, help="rounds of measurements (3)")
    parser.add_argument("--ours-only", action="store_true", help="without the peers")
    parser.add_argument("--json", action="store_true", help="JSON instead of a table")
    arguments = parser.parse_args()
    logs = read_logs(arguments.data)
    if not logs:
        sys.exit(
            f"{arguments.data} has neither ml-1m/ratings.dat nor beauty/beauty.txt; set the folder with --data"
        )
    results = measure(logs, arguments.users, arguments.repeats, arguments.ours_only)
    print(json.dumps(results, indent=1) if arguments.json else as_table(results))


def measure(logs: list[Log], users: int, repeats: int, ours_only: bool) -> dict[str, Any]:
    """Return users per second by data set and library, and ours as a multiple of the better peer's."""
    if not ours_only:
        peers.install()
    tables = {log.name: rounds(log, users, repeats, ours_only) for log in logs}
    return {
        "cpus": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "load": round(os.getloadavg()[0], 1),
        "model": {**SIZE, "batch": BATCH},
        "results": tables,
        "ratios": {name: ratio(table) for name, table in tables.items()},
    }


def rounds(log: Log, users: int, repeats: int, ours_only: bool) -> dict[str, Any]:
    """Measure all libraries on a log, alternating."""
    evaluate, count = ours(log, users)
    counts = {OURS: count}
    seconds: dict[str, list[float]] = {OURS: []}
    failed: dict[str, dict[str, Any]] = {}
    for _ in range(repeats):
        seconds[OURS].append(evaluate())
        for name, program in {} if ours_only else peers.PROGRAMS.items():
            result = peer(program, log, users)
            if "failed" in result:
                failed[name] = result
            else:
                counts[name] = result["users"]
                seconds.setdefault(name, []).extend(result["seconds"])
    return {name: speed(counts[name], values) for name, values in seconds.items()} | failed


def ours(log: Log, users: int) -> tuple[Callable[[], float], int]:
    """Return a timer of full ranking by the warmed-up engine, lists for coverage included, and the user count."""
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
    """Measure a peer once; return the reason if it failed."""
    try:
        return peers.run(program, log, {**SIZE, "batch": BATCH, "users": users, "repeats": 1})
    except subprocess.CalledProcessError as error:
        return {"failed": (error.stderr or "").strip().splitlines()[-1:] or [str(error)]}


def speed(users: int, seconds: list[float]) -> dict[str, Any]:
    """Summarise measurements by the fastest."""
    best = min(seconds)
    return {
        "users": users,
        "seconds": round(best, 3),
        "all_seconds": [round(value, 3) for value in seconds],
        "users_per_second": round(users / best, 1),
    }


def ratio(table: dict[str, dict[str, Any]]) -> float | None:
    """Divide our users per second by the better peer's."""
    peer_speeds = [
        row["users_per_second"] for name, row in table.items() if name != OURS and "seconds" in row
    ]
    return round(table[OURS]["users_per_second"] / max(peer_speeds), 2) if peer_speeds else None


def as_table(results: dict[str, Any]) -> str:
    """Format the figures as text."""
    lines = [f"{'':10}{'library':18}{'users':>8}{'seconds':>10}{'users/s':>10}"]
    for log, table in results["results"].items():
        for name, row in table.items():
            if "failed" in row:
                lines.append(f"{log:10}{name:18}failed: {row['failed'][0]}")
            else:
                lines.append(
                    f"{log:10}{name:18}{row['users']:8,}{row['seconds']:10.2f}{row['users_per_second']:10,.0f}"
                )
    for log, times in results["ratios"].items():
        if times is not None:
            lines.append(f"{log}: {times} × the better peer (goal {GOAL:g} ×)")
    lines.append(f"{results['cpus']} CPUs, {results['threads']} threads, load {results['load']}")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
