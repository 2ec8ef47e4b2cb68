"""The results of a sweep: its points ranked by validation, and the best one as TOML."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean
from typing import Any

import tomlkit

from b4r_tui.experiments.file_problem import dotted
from b4r_tui.experiments.sweep_points import Sweep
from b4r_tui.runs.summary import read_summary
from b4r_tui.sweeps.trial import Trial

Comparability = tuple[str, ...]  # what two points must have in common to be ranked together


def boards_of(sweep: Sweep, trials: Sequence[Trial]) -> list[list[Trial]]:
    """Return points grouped by what may be ranked together, best first; points without a value come last."""
    valued = [trial for trial in trials if trial.value is not None]
    boards: dict[Comparability, list[Trial]] = {}
    for trial in sorted(valued, key=lambda trial: -(trial.value or 0.0)):
        boards.setdefault(_comparability(sweep, trial), []).append(trial)
    rest = [trial for trial in trials if trial.value is None and (trial.watches or trial.waiting)]
    if rest:
        ranked = list(boards.values())
        return [*ranked[:-1], [*ranked[-1], *rest]] if ranked else [rest]
    return list(boards.values())


def best_of(sweep: Sweep, trials: Sequence[Trial]) -> Trial | None:
    """Return the best point, the earliest of equals; None if no point has a value, or not all are comparable."""
    valued = [trial for trial in trials if trial.value is not None]
    if len({_comparability(sweep, trial) for trial in valued}) != 1:
        return None
    return max(valued, key=lambda trial: (trial.value, -trial.point.number))


def objective(sweep: Sweep, trial: Trial) -> str:
    """Return what points are ranked by: `ndcg@10 on validation, protocol full`."""
    evaluation = trial.point.experiments[0].evaluation
    return f"{evaluation.select_by} on validation, protocol {evaluation.protocols[0]}"


def as_toml(sweep: Sweep, best: Trial) -> str:
    """Return the best point as an experiment to paste into the same file."""
    name = sweep.plan.name
    lines = [f"[{dotted(('experiments', f'{name}-best'))}]", f"extends = {tomlkit.item(name).as_string()}"]
    lines += [
        f"{dotted(key.split('.'))} = {tomlkit.item(value).as_string()}"
        for key, value in best.point.values.items()
    ]
    return "\n".join(lines) + "\n"


def tested(best: Trial) -> dict[str, float]:
    """Return the test metric by which points are ranked under each protocol, averaged over seeds; {} if untested."""
    metric = best.point.experiments[0].evaluation.select_by
    summaries = [read_summary(watch.run) for watch in best.watches]
    keys = {name: f"test.{name}.{metric}" for name in best.point.experiments[0].evaluation.protocols}
    return {
        name: fmean(summary[key] for summary in summaries)
        for name, key in keys.items()
        if all(summary.get(key) is not None for summary in summaries)
    }


def as_json(sweep: Sweep, trials: Sequence[Trial], best: Trial | None) -> dict[str, Any]:
    """Return the results as plain data for JSON."""
    return {
        "type": "sweep",
        "sweep": sweep.plan.name,
        "method": sweep.plan.options.method,
        "points": [_point_json(trial) for trial in trials],
        "best": best and {**_point_json(best), "test": tested(best), "toml": as_toml(sweep, best)},
    }


def _point_json(trial: Trial) -> dict[str, Any]:
    evaluation = trial.point.experiments[0].evaluation
    return {
        "point": trial.point.name,
        "values": trial.point.values,
        "state": trial.state,
        "metric": evaluation.select_by,
        "protocol": evaluation.protocols[0],
        "split": "validation",
        "value": trial.value,
        "deviation": trial.deviation,
        "runs": [watch.run.run_id for watch in trial.watches],
        "pruned": trial.pruned,
    }


def _comparability(sweep: Sweep, trial: Trial) -> Comparability:
    values = (repr(trial.point.values[key]) for key in sweep.plan.incomparable)
    return (*values, objective(sweep, trial), trial.fingerprint)


def _shown(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
