"""Groups of runs that differ only in their seed: one row of a table each."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from b4r_tui.results.spread import Score, score
from b4r_tui.runs.summary import Summary


@dataclass(frozen=True)
class Group:
    """Runs of one recipe on one type of device, one per seed, by ascending seed.

    name: name of their experiment, without the seed if there are several. repeats: ids of older runs with the same
    seeds, which do not count: repeating a seed is not another sample.
    """

    name: str
    runs: tuple[Summary, ...]
    repeats: tuple[str, ...] = ()

    @property
    def seeds(self) -> tuple[int, ...]:
        """Return the seeds of the runs that have one."""
        return tuple(run["seed"] for run in self.runs if run.get("seed") is not None)

    @property
    def run_ids(self) -> tuple[str, ...]:
        """Return the id of each run."""
        return tuple(run["run_id"] for run in self.runs)

    @property
    def experiments(self) -> tuple[str, ...]:
        """Return the distinct experiments of the runs."""
        return tuple(dict.fromkeys(run["experiment"] for run in self.runs))

    def answers_to(self, name: str) -> bool:
        """Return whether `name` is that of the group, or of one of its experiments or runs."""
        return name in (self.name, *self.experiments, *self.run_ids, *self.repeats)

    def score(self, protocol: str, metric: str) -> Score | None:
        """Return the score on the test split, None if a run lacks the metric."""
        key = f"test.{protocol}.{metric}"
        values = [run.get(key) for run in self.runs]
        if any(value is None for value in values):
            return None
        alone = self.runs[0]
        return score(
            [float(v) for v in values if v is not None], alone.get(f"{key}.low"), alone.get(f"{key}.high")
        )


def groups_of(summaries: Iterable[Summary]) -> list[Group]:
    """Return the groups in the order of their first runs; a run with an unknown recipe is a group of its own."""
    by_recipe: dict[tuple[str, ...], list[Summary]] = {}
    for summary in summaries:
        by_recipe.setdefault(_recipe_of(summary), []).append(summary)
    return [make_group(members) for members in by_recipe.values()]


def make_group(members: Sequence[Summary], name: str | None = None) -> Group:
    """Return one group of these runs; of runs with the same seed the newest counts."""
    by_seed: dict[object, Summary] = {}
    for member in sorted(members, key=lambda member: member["run_id"]):
        by_seed[member.get("seed", member["run_id"])] = member
    runs = sorted(by_seed.values(), key=lambda run: (run.get("seed") or 0, run["run_id"]))
    counted = {run["run_id"] for run in runs}
    repeats = tuple(member["run_id"] for member in members if member["run_id"] not in counted)
    return Group(name or _name(runs), tuple(runs), repeats)


def device_type(summary: Summary) -> str:
    """Return `cpu` or `cuda`: their optimisers differ in DMP, and their sums always do."""
    return str(summary.get("device") or "").partition(":")[0]


def _recipe_of(summary: Summary) -> tuple[str, ...]:
    recipe = summary.get("recipe") or summary["run_id"]
    return (str(recipe), device_type(summary), str(summary.get("precision") or ""))


def _name(runs: Sequence[Summary]) -> str:
    """Return the experiment's name; for seeds of a sweep, what their names have in common."""
    names = list(dict.fromkeys(run["experiment"] for run in runs))
    if len(names) == 1:
        return str(names[0])
    bare = {_without_seed(run["experiment"], run.get("seed")) for run in runs}
    return bare.pop() if len(bare) == 1 else ", ".join(names)


def _without_seed(name: str, seed: object) -> str:
    """`base-lr0.001-s2` with seed 2 → `base-lr0.001`; labels as in experiments/sweep/names.py."""
    return re.sub(rf"-(s|seed|training\.seed){seed}(?=-|$)", "", name, count=1)
