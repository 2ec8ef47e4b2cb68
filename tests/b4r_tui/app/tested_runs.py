"""Runs with per-user ranks, settings that differ and seeds, for the screens that compare and rank them."""

from __future__ import annotations

import json
from itertools import count

import pytest

from b4r_tui.runs.ids import TICKS
from b4r_tui.runs.store import Run
from tests.b4r_tui.app.conftest import Place
from tests.b4r_tui.app.sample_runs import NOW
from tests.b4r_tui.results.trained import RunStore, trained


def make_tested_runs(place: Place) -> dict[str, Run]:
    """Two recipes with two seeds each, one with one, one of another split, one of another protocol; by short names.

    Their ids are the same in every test, a second apart, in the order of the dict.
    """
    seconds = count(int(NOW))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("b4r_tui.runs.store.ticks_now", lambda: next(seconds) * TICKS)
        store = RunStore(place.runs)
        runs = {
            **{f"small {seed}": trained(store, "small", seed, skill=0.1) for seed in (1, 2)},
            **{
                f"big {seed}": trained(
                    store, "big", seed, skill=0.9, model={"emb_dim": 512}, training={"lr": 0.01}
                )
                for seed in (1, 2)
            },
            "middle": trained(store, "middle", 1, skill=0.12, model={"emb_dim": 128}),
            "elsewhere": trained(store, "elsewhere", 1, fingerprint="e2e2e2e2"),
            "sampled": trained(store, "sampled", 1, protocols=("uniform-20", "full"), negatives="n1n1n1"),
        }
    for name, factor in (("big 1", 1.4), ("big 2", 1.5), ("middle", 1.2)):
        _grow(runs[name], factor)
    return runs


def _grow(run: Run, factor: float) -> None:
    """Let a run learn faster than the others: curves that do not lie on each other."""
    lines = [json.loads(line) for line in run.events_path.read_text().splitlines()]
    for line in lines:
        if line["type"] == "epoch":
            line["train_loss"] /= factor
            line["metrics"] = {
                protocol: {name: value * factor for name, value in table.items()}
                for protocol, table in line["metrics"].items()
            }
    run.events_path.write_text("".join(json.dumps(line) + "\n" for line in lines))
