"""Groups of runs that differ in their seed alone: what a table has a row for."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from b4r_tui.results.spread import Score, score
from b4r_tui.runs.summary import Summary


@dataclass(frozen=True)
class Group:
    """Runs of one recipe on one kind of device, one a seed, by rising seed.

    name: of their experiment, without the part that tells the seed where they are several. repeats: ids of older
    runs of the same seeds, which count for nothing: a repeat of a seed is no further sample.
    """

    name: str
    runs: tuple[Summary, ...]
    repeats: tuple[str, ...] = ()

    @property
    def seeds(self) -> tuple[int, ...]:
        """The seed of each run that says one."""
        return tuple(run["seed"] for run in self.runs if run.get("seed") is not None)

    @property
    def run_ids(self) -> tuple[str, ...]:
        """The id of each run."""
        return tuple(run["run_id"] for run in self.runs)

    @property
    def experiments(self) -> tuple[str, ...]:
        """The experiments that the runs are of, each once."""
        return tuple(dict.fromkeys(run["experiment"] for run in self.runs))

    def answers_to(self, name: str) -> bool:
        """Whether `name` is the group's, or that of one of its experiments or runs."""
        return name in (self.name, *self.experiments, *self.run_ids, *self.repeats)

    def score(self, protocol: str, metric: str) -> Score | None:
        """Its score on test, None where a run lacks the metric."""
        key = f"test.{protocol}.{metric}"
        values = [run.get(key) for run in self.runs]
        if any(value is None for value in values):
            return None
        alone = self.runs[0]
        return score(
            [float(v) for v in values if v is not None], alone.get(f"{key}.low"), alone.get(f"{key}.high")
        )


def groups_of(summaries: Iterable[Summary]) -> list[Group]:
    """The groups there are, in the order of their first runs; a run whose recipe is unknown stands alone."""
    found: dict[tuple[str, ...], list[Summary]] = {}
    for summary in summaries:
        found.setdefault(_kind(summary), []).append(summary)
    return [make_group(members) for members in found.values()]


def make_group(members: Sequence[Summary], name: str | None = None) -> Group:
    """One group of these runs, the newest of each seed standing for it."""
    by_seed: dict[object, Summary] = {}
    for member in sorted(members, key=lambda member: member["run_id"]):
        by_seed[member.get("seed", member["run_id"])] = member
    runs = sorted(by_seed.values(), key=lambda run: (run.get("seed") or 0, run["run_id"]))
    kept = {run["run_id"] for run in runs}
    repeats = tuple(member["run_id"] for member in members if member["run_id"] not in kept)
    return Group(name or _name(runs), tuple(runs), repeats)


def device_kind(summary: Summary) -> str:
    """`cpu` or `cuda`: in dmp they have other optimisers, and their sums differ in any case."""
    return str(summary.get("device") or "").partition(":")[0]


def _kind(summary: Summary) -> tuple[str, ...]:
    recipe = summary.get("recipe") or summary["run_id"]
    return (str(recipe), device_kind(summary), str(summary.get("precision") or ""))


def _name(runs: Sequence[Summary]) -> str:
    """The experiment's name; of a sweep's seeds what their names have in common."""
    names = list(dict.fromkeys(run["experiment"] for run in runs))
    if len(names) == 1:
        return str(names[0])
    bare = {_without_seed(run["experiment"], run.get("seed")) for run in runs}
    return bare.pop() if len(bare) == 1 else ", ".join(names)


def _without_seed(name: str, seed: object) -> str:
    """`base-lr0.001-s2` of seed 2 → `base-lr0.001`; the labels are those of experiments/names.py."""
    return re.sub(rf"-(s|seed|training\.seed){seed}(?=-|$)", "", name, count=1)
