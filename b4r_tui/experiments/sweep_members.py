"""Makes the members of a sweep: reads its table and applies the values of each point to the experiment."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator
from typing import Any

from pydantic import ValidationError

from b4r_tui.experiments.draft import Draft, KeyProblem, Table
from b4r_tui.experiments.file_problem import KeyPath
from b4r_tui.experiments.sweep.names import SEEDS, labels_of, member_name, numbered_name
from b4r_tui.experiments.sweep.options import MOST_RUNS, SweepOptions
from b4r_tui.experiments.sweep.plan import TRIED, SweepPlan, Values, drawn, grid
from b4r_tui.experiments.sweep.spaces import Range
from b4r_tui.experiments.sweep_axes import axes_of, read_space, setting_of
from engine.contract.config.experiment import NAME_PATTERN
from engine.contract.config.validation import problems_of


def swept(base: Draft, table: Any) -> tuple[list[Draft], list[KeyProblem]]:
    """Return one draft for each run of the sweep; only `base` if there is no sweep.

    An Optuna search returns `base` itself, and some of its points to be checked.
    """
    if table is None:
        return [base], []
    at: KeyPath = ("experiments", base.base, "sweep")
    if not isinstance(table, dict) or not table:
        return [], [KeyProblem(at, 'is not a table of lists; write "training.lr" = [0.001, 0.0003]')]
    plan, problems = _read(base.base, table)
    problems = problems or (list(_plan_problems(plan)) if plan else [])
    if problems or plan is None:
        return [], [KeyProblem((*at, *problem.path), problem.sentence) for problem in problems]
    if plan.options.method == "grid":
        return _grid_members(base, plan), []
    if plan.options.method == "random":
        return list(_numbered(base, plan, drawn(plan, plan.options.samples))), []
    tried = list(_numbered(base, plan, drawn(plan, TRIED)))
    for draft in tried:
        draft.tried = True
    base.sweep = plan
    return [base, *tried], []


def members_at(base: Draft, plan: SweepPlan, number: int, values: Values) -> list[Draft]:
    """Return the drafts of one point of a search, one per seed."""
    return [_put(base, plan, number, values, seed) for seed in plan.seeds]


def _read(name: str, table: Table) -> tuple[SweepPlan | None, list[KeyProblem]]:
    axes, problems = {}, []
    for path, value in axes_of({key: table[key] for key in table if key not in _PLAIN_OPTIONS}):
        space, wrong = read_space(path, value)
        problems += wrong
        if space is not None:
            axes[path] = space
    try:
        options = SweepOptions.model_validate({key: table[key] for key in _ALL_OPTIONS if key in table})
    except ValidationError as error:
        for problem in problems_of(error, SweepOptions):
            key = problem.key.partition(".")[0]
            if not any(problem.path[:1] == (key,) for problem in problems):
                problems.append(KeyProblem((key,), problem.sentence))
        return None, problems
    return SweepPlan(name, options, axes), problems


_ALL_OPTIONS = tuple(SweepOptions.model_fields)
_PLAIN_OPTIONS = tuple(key for key in _ALL_OPTIONS if key != SEEDS)


def _plan_problems(plan: SweepPlan) -> Iterator[KeyProblem]:
    """Yield problems of the sweep as a whole, with paths relative to its table."""
    settings = [setting_of(path) for path in plan.axes]
    for index, (path, setting) in enumerate(zip(plan.axes, settings, strict=True)):
        if setting in settings[:index]:
            yield KeyProblem(path, f"sweeps {'.'.join(setting)} twice; remove one")
    if not plan.axes or (plan.options.method != "grid" and not plan.spaces):
        yield KeyProblem(
            (), f'{plan.options.method} has nothing to sweep; write "training.lr" = [0.001, 0.0003]'
        )
    elif plan.options.method == "grid":
        yield from _grid_problems(plan)
    else:
        yield from _search_problems(plan)


def _grid_problems(plan: SweepPlan) -> Iterator[KeyProblem]:
    ranges = [path for path, space in plan.axes.items() if isinstance(space, Range)]
    for path in ranges:
        yield KeyProblem(
            path, 'is a range, which a grid cannot use; write a list, or method = "random" or "optuna"'
        )
    if not ranges and math.prod(space.count or 1 for space in plan.axes.values()) > MOST_RUNS:
        yield KeyProblem((), f"makes more than {MOST_RUNS:,} runs; sweep fewer values")


def _search_problems(plan: SweepPlan) -> Iterator[KeyProblem]:
    for path in plan.axes:
        key = ".".join(path)
        if key in plan.incomparable:
            yield KeyProblem(
                path, 'changes what is measured, so points cannot be ranked; use method = "grid"'
            )
        elif key == "training.seed":
            yield KeyProblem(path, "cannot be searched; write seeds = [...], with which every point runs")
    points = plan.options.samples if plan.options.method == "random" else plan.options.trials
    if points * len(plan.seeds) > MOST_RUNS:
        yield KeyProblem((), f"makes more than {MOST_RUNS:,} runs; use fewer points or seeds")


def _grid_members(base: Draft, plan: SweepPlan) -> list[Draft]:
    """Return the members in the order of the axes, named by their values, or by number if such names are invalid."""
    labels, numbers = labels_of([".".join(path) for path in plan.axes]), dict[str, int]()
    members = []
    for values in grid(plan):
        seed = values.get(SEEDS)
        point = {key: value for key, value in values.items() if key != SEEDS}
        number = numbers.setdefault(repr(point), len(numbers) + 1)
        member = _put(base, plan, number, point, seed)
        member.name = member_name(base.base, labels, values)
        members.append(member)
    names = {member.name for member in members}
    if len(names) < len(members) or not all(map(NAME_PATTERN.fullmatch, names)):
        for member, values in zip(members, grid(plan), strict=True):
            member.name = numbered_name(base.base, member.point, values.get(SEEDS))
    return members


def _numbered(base: Draft, plan: SweepPlan, points: list[Values]) -> Iterator[Draft]:
    for number, values in enumerate(points, 1):
        yield from members_at(base, plan, number, values)


def _put(base: Draft, plan: SweepPlan, number: int, values: Values, seed: int | None) -> Draft:
    """Return a copy of `base` with the values of a point."""
    member = copy.deepcopy(base)
    member.name = numbered_name(base.base, number, seed)
    member.sweep, member.point, member.values = plan, number, values
    for path in plan.axes:
        value = seed if path == (SEEDS,) else values[".".join(path)]
        member.put(setting_of(path), value, (*plan.at, *path))
    return member
