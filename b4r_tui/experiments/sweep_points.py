"""The sweeps of a file as a driver needs them: points, and the experiments of each."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from b4r_tui.common.format import plural
from b4r_tui.experiments.draft import Draft
from b4r_tui.experiments.paths import resolve_paths
from b4r_tui.experiments.sweep.plan import SweepPlan, Values
from b4r_tui.experiments.sweep_members import members_at
from engine.contract.config.experiment import Experiment
from engine.contract.config.validation import problems_of
from engine.contract.errors import B4RError


@dataclass(frozen=True)
class Point:
    """A point of a sweep. number: from 1; values: by dotted setting; experiments: one per seed."""

    number: int
    name: str
    values: Values
    experiments: tuple[Experiment, ...]


@dataclass(frozen=True)
class Sweep:
    """A sweep. points: in order, empty for an adaptive search. base: the experiment it varies.

    example: one of its experiments, to estimate run times with.
    """

    plan: SweepPlan
    points: tuple[Point, ...]
    base: Draft
    folder: Path
    example: Experiment

    @property
    def count(self) -> int:
        """Return the number of points."""
        if self.plan.options.method == "optuna":
            return self.plan.options.trials
        return len(self.points)

    @property
    def runs(self) -> int:
        """Return the number of runs."""
        return self.count * len(self.plan.seeds)

    @property
    def sentence(self) -> str:
        """Return a sentence such as `random, 20 points × 3 seeds: 60 runs`."""
        seeds = f" × {plural(len(self.plan.seeds), 'seed')}" if self.plan.options.seeds else ""
        return f"{self.plan.options.method}, {plural(self.count, 'point')}{seeds}: {plural(self.runs, 'run')}"

    def point(self, number: int, values: Values) -> Point:
        """Return one point of a search. Raises B4RError if its settings are incompatible."""
        drafts = members_at(self.base, self.plan, number, values)
        try:
            return _point(drafts, [experiment_of(draft, self.folder) for draft in drafts])
        except ValidationError as error:
            problem = problems_of(error, Experiment)[0]
            raise B4RError(f"{drafts[0].name}: {problem.key}: {problem.sentence}") from error


def experiment_of(draft: Draft, folder: Path) -> Experiment:
    """Return the draft as an experiment, with paths relative to `folder` resolved. Raises ValidationError."""
    resolve_paths(draft.settings, folder)
    return Experiment.model_validate({"name": draft.name, "description": draft.description, **draft.settings})


def sweeps_of(checked: Iterable[tuple[Draft, Experiment]], folder: Path) -> dict[str, Sweep]:
    """Return the sweeps that checked drafts are members or bases of, by name of their experiment."""
    by_name: dict[str, list[tuple[Draft, Experiment]]] = {}
    for draft, experiment in checked:
        if draft.sweep is not None:
            by_name.setdefault(draft.base, []).append((draft, experiment))
    return {name: _sweep(pairs, folder) for name, pairs in by_name.items()}


def _sweep(pairs: list[tuple[Draft, Experiment]], folder: Path) -> Sweep:
    plan, base = pairs[0][0].sweep, pairs[0][0]
    assert plan is not None
    points: dict[int, list[tuple[Draft, Experiment]]] = {}
    for draft, experiment in pairs:
        if draft.point and not draft.tried:
            points.setdefault(draft.point, []).append((draft, experiment))
    return Sweep(
        plan,
        tuple(
            _point([draft for draft, _ in points[number]], [experiment for _, experiment in points[number]])
            for number in sorted(points)
        ),
        base,
        folder,
        pairs[0][1],
    )


def _point(drafts: list[Draft], experiments: list[Experiment]) -> Point:
    """Return the point of these members. With one seed it has the name of its run; else what their names share."""
    first = drafts[0]
    name = first.name if len(drafts) == 1 else _shared_name([draft.name for draft in drafts])
    return Point(first.point, name, first.values, tuple(experiments))


def _shared_name(names: list[str]) -> str:
    """Return the parts between hyphens that all names share."""
    split = [name.split("-") for name in names]
    return "-".join(parts[0] for parts in zip(*split, strict=False) if len(set(parts)) == 1)
