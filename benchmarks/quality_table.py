"""Turns results by library and seed into a table: means, intervals, and tests of whether ours is better."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import stats

NAMES = {"ours": "b4r-tui", "recbole": "RecBole 1.2.1", "rectools": "RecTools 0.18.0"}
RESAMPLES = 10_000


def compare(by_library: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """Return figures of each library, and of ours vs. each peer. by_library: one result per seed, from quality.py."""
    libraries = {NAMES[library]: row_of(results) for library, results in by_library.items()}
    ours = by_library.get("ours")
    against = {
        NAMES[library]: against_peer(ours, results)
        for library, results in by_library.items()
        if ours and library != "ours"
    }
    return {"libraries": libraries, "against": against}


def row_of(results: list[dict[str, Any]]) -> dict[str, Any]:
    """Return means over seeds of test NDCG@10 and recall@10, with Student's 95 % interval over seeds.

    The interval is about other seeds on these users, and is omitted for a single seed.
    """
    by_seed = {name: [float(np.mean(result[name])) for result in results] for name in ("ndcg", "recall")}
    return {
        "seeds": [result["seed"] for result in results],
        "ndcg_by_seed": by_seed["ndcg"],
        **{name: {"mean": float(np.mean(values)), **interval(values)} for name, values in by_seed.items()},
        "best_epochs": [result["best_epoch"] for result in results],
        "settings": results[0]["settings"],
        "seconds": float(np.mean([result["seconds"] for result in results])),
    }


def interval(values: list[float]) -> dict[str, float]:
    """Return low and high of Student's 95 % interval of the mean; empty for fewer than two values."""
    if len(values) < 2:
        return {}
    margin = stats.t.ppf(0.975, len(values) - 1) * stats.sem(values)
    return {"low": float(np.mean(values) - margin), "high": float(np.mean(values) + margin)}


def against_peer(ours: list[dict[str, Any]], peers: list[dict[str, Any]]) -> dict[str, Any]:
    """Test ours minus a peer's NDCG@10: over users (each user's mean over seeds, paired) and over seeds.

    users: the mean difference with its 95 % bootstrap interval, and p of Wilcoxon's signed-rank test and of the
    paired t-test. seeds: p of Welch's t-test, as seeds of two libraries cannot be paired.
    """
    a, b = (np.mean([result["ndcg"] for result in results], axis=0) for results in (ours, peers))
    assert ours[0]["users"] == peers[0]["users"], "the users differ"
    difference = a - b
    equal = not difference.any()
    seeds_a, seeds_b = ([float(np.mean(result["ndcg"])) for result in results] for results in (ours, peers))
    has_seeds = len(seeds_a) > 1 and len(seeds_b) > 1
    return {
        "difference": float(difference.mean()),
        **paired_bootstrap(difference),
        "wilcoxon_p": 1.0 if equal else float(stats.wilcoxon(a, b).pvalue),
        "t_p": 1.0 if equal else float(stats.ttest_rel(a, b).pvalue),
        "seeds_p": float(stats.ttest_ind(seeds_a, seeds_b, equal_var=False).pvalue) if has_seeds else None,
    }


def paired_bootstrap(difference: np.ndarray, seed: int = 0) -> dict[str, float]:
    """Return the percentile 95 % interval of the mean difference by resampling users. difference: (users,)."""
    generator = np.random.default_rng(seed)
    draws = generator.multinomial(len(difference), np.full(len(difference), 1 / len(difference)), RESAMPLES)
    low, high = np.quantile(draws @ difference / len(difference), [0.025, 0.975])
    return {"low": float(low), "high": float(high)}


def as_table(results: dict[str, Any]) -> str:
    """Format the figures as text."""
    lines = [
        f"{'library':18}{'seeds':>6}{'NDCG@10':>10}{'95 % over seeds':>20}{'recall@10':>11}{'s/seed':>10}"
    ]
    for name, row in results["libraries"].items():
        lines.append(
            f"{name:18}{len(row['seeds']):6}{row['ndcg']['mean']:10.4f}{span(row['ndcg']):>20}"
            f"{row['recall']['mean']:11.4f}{row['seconds']:10.0f}"
        )
    for name, test in results["against"].items():
        seeds = "" if test["seeds_p"] is None else f", over seeds p = {test['seeds_p']:.2g}"
        lines.append(
            f"ours - {name}: {test['difference']:+.4f} [{test['low']:+.4f}, {test['high']:+.4f}] over users, "
            f"Wilcoxon p = {test['wilcoxon_p']:.2g}, t p = {test['t_p']:.2g}{seeds}"
        )
    return "\n".join(lines)


def span(figure: dict[str, float]) -> str:
    """Format an interval."""
    return f"{figure['low']:.4f} – {figure['high']:.4f}" if "low" in figure else ""
