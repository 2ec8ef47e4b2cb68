"""Makes the members of a sweep: reads its table, and puts each point's values over the experiment's own."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator
from typing import Any

from pydantic import ValidationError

from b4r_tui.experiments.draft import Draft, Fault, Table
from b4r_tui.experiments.file_problem import KeyPath
from b4r_tui.experiments.sweep.names import SEEDS, labels_of, member_name, numbered_name
from b4r_tui.experiments.sweep.options import MOST_RUNS, SweepOptions
from b4r_tui.experiments.sweep.plan import TRIED, SweepPlan, Values, drawn, grid
from b4r_tui.experiments.sweep.spaces import Range
from b4r_tui.experiments.sweep_axes import axes_of, read_space, setting_of
from engine.contract.config.experiment import NAME_PATTERN
from engine.contract.config.validation import problems_of


def swept(base: Draft, table: Any) -> tuple[list[Draft], list[Fault]]:
    """One draft for each run of the sweep; just `base` where there is none.

    A search by optuna gives `base` itself, and some points of it to be checked.
    """
    if table is None:
        return [base], []
    at: KeyPath = ("experiments", base.base, "sweep")
    if not isinstance(table, dict) or not table:
        return [], [Fault(at, 'is not a table of lists; write "training.lr" = [0.001, 0.0003]')]
    plan, faults = _read(base.base, table)
    faults = faults or (list(_plan_faults(plan)) if plan else [])
    if faults or plan is None:
        return [], [Fault((*at, *fault.path), fault.sentence) for fault in faults]
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
    """The drafts of the numbered point of a search, one a seed."""
    return [_put(base, plan, number, values, seed) for seed in plan.seeds]


def _read(name: str, table: Table) -> tuple[SweepPlan | None, list[Fault]]:
    axes, faults = {}, []
    for path, value in axes_of({key: table[key] for key in table if key not in _PLAIN_OPTIONS}):
        space, wrong = read_space(path, value)
        faults += wrong
        if space is not None:
            axes[path] = space
    try:
        options = SweepOptions.model_validate({key: table[key] for key in _ALL_OPTIONS if key in table})
    except ValidationError as error:
        for problem in problems_of(error, SweepOptions):
            key = problem.key.partition(".")[0]
            if not any(fault.path[:1] == (key,) for fault in faults):
                faults.append(Fault((key,), problem.sentence))
        return None, faults
    return SweepPlan(name, options, axes), faults


_ALL_OPTIONS = tuple(SweepOptions.model_fields)
_PLAIN_OPTIONS = tuple(key for key in _ALL_OPTIONS if key != SEEDS)


def _plan_faults(plan: SweepPlan) -> Iterator[Fault]:
    """What is wrong with the sweep as a whole, paths from its table on."""
    settings = [setting_of(path) for path in plan.axes]
    for index, (path, setting) in enumerate(zip(plan.axes, settings, strict=True)):
        if setting in settings[:index]:
            yield Fault(path, f"sweeps {'.'.join(setting)} a second time; keep one")
    if not plan.axes or (plan.options.method != "grid" and not plan.spaces):
        yield Fault((), f'{plan.options.method} has nothing to sweep; write "training.lr" = [0.001, 0.0003]')
    elif plan.options.method == "grid":
        yield from _grid_faults(plan)
    else:
        yield from _search_faults(plan)


def _grid_faults(plan: SweepPlan) -> Iterator[Fault]:
    ranges = [path for path, space in plan.axes.items() if isinstance(space, Range)]
    for path in ranges:
        yield Fault(path, 'is a range, which a grid has not; write a list, or method = "random" or "optuna"')
    if not ranges and math.prod(space.count or 1 for space in plan.axes.values()) > MOST_RUNS:
        yield Fault((), f"makes more than {MOST_RUNS:,} runs; sweep fewer values")


def _search_faults(plan: SweepPlan) -> Iterator[Fault]:
    for path in plan.axes:
        key = ".".join(path)
        if key in plan.incomparable:
            yield Fault(path, 'changes what is measured, so points cannot be ranked; use method = "grid"')
        elif key == "training.seed":
            yield Fault(path, "is no setting to search; write seeds = [...], which every point runs with")
    points = plan.options.samples if plan.options.method == "random" else plan.options.trials
    if points * len(plan.seeds) > MOST_RUNS:
        yield Fault((), f"makes more than {MOST_RUNS:,} runs; use fewer points or seeds")


def _grid_members(base: Draft, plan: SweepPlan) -> list[Draft]:
    """In the order of the axes; named by their values, or by number where that makes no good names."""
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
    """A copy of `base` with the values of a point."""
    member = copy.deepcopy(base)
    member.name = numbered_name(base.base, number, seed)
    member.sweep, member.point, member.values = plan, number, values
    for path in plan.axes:
        value = seed if path == (SEEDS,) else values[".".join(path)]
        member.put(setting_of(path), value, (*plan.at, *path))
    return member
