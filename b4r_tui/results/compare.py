"""Compares runs or groups of runs: settings that differ, metrics, and paired tests over users."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from b4r_tui.results.board import Versus
from b4r_tui.results.conditions import Conditions, conditions, differing, listed
from b4r_tui.results.groups import Group, make_group
from b4r_tui.results.selection import NamedRuns
from b4r_tui.results.significance import corrected, group_values, versus
from b4r_tui.results.spread import Score
from b4r_tui.runs.recipe import settings_of
from b4r_tui.runs.store import Run
from b4r_tui.runs.summary import INTERVAL_PARTS, read_summary
from engine.contract.config.validation import nearest
from engine.contract.errors import B4RError

OTHER_PROTOCOL = "; name one that all measured with --protocol"


@dataclass(frozen=True)
class Setting:
    """A setting that differs. values: one tuple for each side; several values if the runs of a side differ."""

    key: str
    values: tuple[tuple[Any, ...], ...]


@dataclass(frozen=True)
class Side:
    """One side of a comparison. scores: by metric, only metrics that all sides have. versus: None for the baseline."""

    name: str
    run_ids: tuple[str, ...]
    seeds: tuple[int, ...]
    repeats: tuple[str, ...]
    left_out: tuple[str, ...]
    scores: dict[str, Score]
    versus: Versus | None


@dataclass(frozen=True)
class Comparison:
    """Sides measured under the same conditions, each tested against the baseline by one metric.

    fingerprint: of the split; negatives: fingerprint of a sampled protocol's negatives, else empty. users: number of
    users on which each side was tested.
    """

    protocol: str
    metric: str
    dataset: str
    fingerprint: str
    negatives: str
    users: int
    baseline: str
    sides: tuple[Side, ...]
    settings: tuple[Setting, ...]

    def as_json(self) -> dict[str, Any]:
        """Return the comparison as plain data for JSON."""
        return {**asdict(self), "split": "test"}


def compare(
    runs: Sequence[NamedRuns],
    baseline: str | None = None,
    metric: str | None = None,
    protocol: str | None = None,
) -> Comparison:
    """Compare at least two sides. Reads summaries, settings and per-user ranks of their runs.

    baseline: name of a side, None for the first. metric: None for the one that selected the baseline's best epoch.
    protocol: None for the first of each run. Raises B4RError if there is only one side, the baseline is not among the
    sides, a run lacks the test metric, or the runs were measured under different conditions, which the error names.
    """
    if len(runs) < 2:
        raise B4RError("a comparison needs two runs or experiments; name another, or one as --baseline")
    place = _place_of([side.name for side in runs], baseline)
    groups = [make_group([read_summary(run) for run in side.runs], side.name) for side in runs]
    metric = metric or str(groups[place].runs[0].get("select_by") or "")
    under = _common(groups, metric, protocol)
    folders = {run.run_id: run.dir for side in runs for run in side.runs}
    known = group_values(groups[place], under, folders)
    tests = [
        None if index == place else versus(group, groups[place], under, folders, known)
        for index, group in enumerate(groups)
    ]
    scores = _scores(groups, under.protocol)
    return Comparison(
        **asdict(under),
        users=len(known.values),
        baseline=groups[place].name,
        sides=tuple(_side(*each) for each in zip(runs, groups, scores, corrected(tests), strict=True)),
        settings=different_settings(
            [
                [_run_of(side, run_id) for run_id in group.run_ids]
                for side, group in zip(runs, groups, strict=True)
            ]
        ),
    )


def different_settings(sides: Sequence[Sequence[Run]]) -> tuple[Setting, ...]:
    """Return the settings whose values differ between sides, by dotted key in the order of the config."""
    tables = [[settings_of(run.config()) for run in side] for side in sides]
    keys = dict.fromkeys(key for side in tables for table in side for key in table)
    rows = [(key, tuple(_distinct(table.get(key) for table in side) for side in tables)) for key in keys]
    unnamed = [row for row in rows if row[0] not in ("name", "description")]
    return tuple(Setting(key, values) for key, values in unnamed if any(each != values[0] for each in values))


def _place_of(names: Sequence[str], baseline: str | None) -> int:
    if baseline is None:
        return 0
    if baseline not in names:
        raise B4RError(
            f"the baseline '{baseline}' is not among the runs compared; {nearest(baseline, list(names))}"
        )
    return names.index(baseline)


def _common(groups: Sequence[Group], metric: str, protocol: str | None) -> Conditions:
    """Return the conditions that all runs share. Raises B4RError, which names what differs, if there are none."""
    each = [conditions(run, metric, protocol) for group in groups for run in group.runs]
    different = differing(each)
    if different:
        hint = OTHER_PROTOCOL if different[0].startswith("protocol") else ""
        raise B4RError(
            f"cannot compare {listed([g.name for g in groups])}: they differ in {listed(different)}{hint}"
        )
    for group in groups:
        if group.score(each[0].protocol, metric) is None:
            raise B4RError(_unmeasured(group, each[0]))
    return each[0]


def _unmeasured(group: Group, under: Conditions) -> str:
    states = listed(list(dict.fromkeys(str(run.get("state")) for run in group.runs)))
    if all(run.get("tested_epoch") is None for run in group.runs):
        return (
            f"{group.name} has no test metrics (state: {states}); test a checkpoint with `b4r-tui evaluate`"
        )
    measured = _metrics(group, under.protocol)
    known = nearest(under.metric, measured) if measured else "choose another --protocol"
    return f"{group.name} has no test {under.metric} under protocol {under.protocol}; {known}"


def _scores(groups: Sequence[Group], protocol: str) -> list[dict[str, Score]]:
    """Return the scores of each side by metric, only metrics that every side has."""
    tables = [{name: group.score(protocol, name) for name in _metrics(group, protocol)} for group in groups]
    shared = [name for name in tables[0] if all(table.get(name) is not None for table in tables)]
    return [{name: score for name in shared if (score := table[name]) is not None} for table in tables]


def _metrics(group: Group, protocol: str) -> list[str]:
    prefix = f"test.{protocol}."
    keys = (key for key in group.runs[0] if key.startswith(prefix))
    return [key.removeprefix(prefix) for key in keys if key.rpartition(".")[2] not in INTERVAL_PARTS]


def _side(named: NamedRuns, group: Group, scores: dict[str, Score], test: Versus | None) -> Side:
    left_out = tuple(run.run_id for run in named.left_out)
    return Side(named.name, group.run_ids, group.seeds, group.repeats, left_out, scores, test)


def _run_of(side: NamedRuns, run_id: str) -> Run:
    return next(run for run in side.runs if run.run_id == run_id)


def _distinct(values: Any) -> tuple[Any, ...]:
    """Return each value once, in order; values may be lists, which have no hash."""
    distinct: list[Any] = []
    for value in values:
        if value not in distinct:
            distinct.append(value)
    return tuple(distinct)
