"""Runs one round: start small runs, inject faults, check what is left, and retry until all have finished."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from b4r_tui.runs.launch import launch
from b4r_tui.runs.queue.start_runner import RunnerWatch, is_runner_alive
from b4r_tui.runs.retry import retry
from b4r_tui.runs.store import Run, RunStore
from b4r_tui.runs.supervision.orphans import sweep_lost
from engine.contract.atomic_files import read_json
from engine.contract.errors import B4RError
from tests.chaos import faults, integrity
from tests.chaos.event_log import read_event_log
from tests.chaos.ranks import undisturbed
from tests.chaos.truth import Traces, true_state
from tests.chaos.world import App, World

EPOCHS = 3
ATTEMPTS = 4  # the last of them undisturbed
SECOND_FAULT = 0.3  # fraction of retries with a fault
SECONDS = {False: 90.0, True: 300.0}  # until runs have ended, by whether the engine runs
EXIT_SECONDS = 6.0  # for processes to exit by themselves
SCRIPT = Path(__file__).with_name("ranks.py")
SHAPES = ("", "", "-child", "-deaf", "-deaf-child")
WAITS: dict[str, Callable[[Run], bool]] = {
    "queued": lambda run: True,
    "starting": lambda run: (run.dir / "logs" / "launcher.log").exists(),
    "running": lambda run: (status := run.status()) is not None and status.started_at is not None,
    "saved": lambda run: any(
        (run.dir / "checkpoints" / name).exists() for name in ("chain_0.json", "last/state.json")
    ),
}


@dataclass
class Round:
    """Faults of a round and their effects. faults: name → whether it hit; states: after the faults, by run."""

    number: int
    real: bool
    in_terminal: bool
    faults: dict[str, bool] = field(default_factory=dict)
    states: dict[str, str] = field(default_factory=dict)
    attempts: int = 0
    runs: int = 0
    leftovers: int = 0
    swept_on_look: int = 0
    seconds: float = 0.0
    violations: list[str] = field(default_factory=list)


class RoundRunner:
    """Runs one round."""

    def __init__(self, world: World, number: int, seed: int, real: bool) -> None:
        self.world, self.rng = world, random.Random(f"{seed}/{number}")
        self.planned = self._draw(number)
        small = world.small if "disk full" in self.planned else None
        root = world.small_root if small and world.small_root else world.root
        in_terminal = not real and self.rng.random() < 0.2
        self.round = Round(number, real, in_terminal)
        self.store, self.traces = RunStore(root), Traces(root)
        self.scene = faults.Scene(root, [], None, self.rng, small)
        self.active_faults: set[str] = set()

    def _draw(self, number: int) -> list[str]:
        """Draw one or two faults; the first in turn rather than at random, so that few rounds cover them all."""
        names = [name for name in faults.FAULTS if name != "disk full" or self.world.small]
        first = names[number % len(names)]
        return [first, self.rng.choice(names)] if self.rng.random() < 0.25 else [first]

    # steps of the round ------------------------------------------------------------------------

    def run(self) -> Round:
        """Run all of it; the result lists the violations."""
        start = time.monotonic()
        with self.world.as_shell(self.round.real):
            try:
                self._begin()
                self._break(self.planned)
                self._settle()
                self._check()
                self._retry_until_finished()
                self._check_results()
            except (B4RError, OSError, AssertionError, ValueError) as error:
                self._add_violation(f"{type(error).__name__}: {error}")
            finally:
                self._end()
        self.round.seconds = round(time.monotonic() - start, 1)
        return self.round

    def _begin(self) -> None:
        experiments = self._experiments()
        file = self.world.folder / f"round_{self.round.number}.toml"
        file.write_text("".join(experiments.values()))
        names = list(experiments)[:1] if self.round.in_terminal else list(experiments)
        self.scene.app = App(self.world, self.store.root, file, self.round.real, self.round.in_terminal)
        if self.round.in_terminal:
            self.scene.app.launch(self.store, names[0])
        self.names = names

    def _experiments(self) -> dict[str, str]:
        """Return the text of each experiment by name."""
        if self.round.real:
            return dict([_real(self.round.number, self.rng)])
        count = self.rng.choice((1, 2, 2, 3))
        return dict(_scripted(self.round.number, index, self.rng) for index in range(count))

    def _break(self, planned: list[str]) -> None:
        for name in planned:
            moment = self.rng.choice(faults.FAULTS[name][1])
            delay = self.rng.uniform(0.0, 0.6)
            if moment == "launching":
                delay *= 3
            elif not self._wait_for(moment):
                self.round.faults.setdefault(name, False)
                continue
            time.sleep(delay)
            self.scene.runs = self._runs()
            hit = faults.inject(name, self.scene)
            self.traces.look()
            self.round.faults[name] = self.round.faults.get(name, False) or hit
            self.active_faults |= {name} if hit else set()

    def _wait_for(self, moment: str) -> bool:
        """Wait until one of the runs reaches the moment; False if all ended before."""
        deadline = time.monotonic() + SECONDS[self.round.real]
        while not any(WAITS[moment](run) for run in self._runs() if not run.state.ended):
            runs = self._runs()
            if (runs and all(run.state.ended for run in runs)) or time.monotonic() > deadline:
                return False
            time.sleep(0.02)
        return True

    def _settle(self) -> None:
        """Free the disk, and wait until all runs have ended, as the app does."""
        if self.scene.fillers:
            time.sleep(self.rng.uniform(0.5, 2.5))
        for filler in self.scene.fillers:
            filler.unlink(missing_ok=True)
        self.scene.fillers.clear()
        watch, deadline = RunnerWatch(self.store.root), time.monotonic() + SECONDS[self.round.real]
        while not self._has_ended():
            watch.revive([run.state for run in self._runs()])
            if time.monotonic() > deadline:
                states = {run.name: str(run.state) for run in self._runs()}
                self._add_violation(f"not ended after {SECONDS[self.round.real]:g} s: {states}")
                return
            time.sleep(0.05)
            if self.rng.random() < 0.1:
                self.traces.look()

    def _has_ended(self) -> bool:
        """Return whether all runs have ended, and a headless app too, which might start more."""
        app = self.scene.app
        is_launching = app is not None and not app.in_terminal and app.process.poll() is None
        return not is_launching and all(run.state.ended for run in self._runs())

    def _retry_until_finished(self) -> None:
        for attempt in range(1, ATTEMPTS + 1):
            unfinished = [run for run in self._newest() if str(run.state) != "finished"]
            if not unfinished:
                return
            self.round.attempts = attempt
            if self.rng.random() < 0.4:
                faults.cut_events(self.scene, self.rng.choice(unfinished))
                self.round.faults["cut events"] = True
            self.active_faults = set()
            retry(self.store, unfinished)
            if attempt < ATTEMPTS and self.rng.random() < SECOND_FAULT:
                self._break([self.rng.choice(("runner", "supervisor", "torchrun", "rank", "machine"))])
            self._settle()
            self._check()
        left = {run.name: str(run.state) for run in self._newest() if str(run.state) != "finished"}
        if left:
            self._add_violation(f"an undisturbed attempt did not finish: {left}")

    def _end(self) -> None:
        app = self.scene.app
        if app is not None and app.process.poll() is None and not app.leave(15.0):
            self._add_violation("the app did not exit")

    # checks ------------------------------------------------------------------------------------

    def _runs(self) -> list[Run]:
        return [run for name in self.names for run in self.store.runs_of(name)]

    def _newest(self) -> list[Run]:
        """Return the latest run of each experiment."""
        return [run for name in self.names if (run := self.store.latest(name)) is not None]

    def _check(self) -> None:
        self._check_processes()
        for run in self._runs():
            for wrong in self._wrong(run):
                self._add_violation(f"{run.name}: {wrong}")
        self.round.runs = len(self._runs())

    def _check_processes(self) -> None:
        """Check that processes exit by themselves; without a runner, `b4r-tui runs` ends them."""
        deadline = time.monotonic() + EXIT_SECONDS
        while (left := self.traces.left()) and time.monotonic() < deadline:
            time.sleep(0.1)
        if left and not is_runner_alive(self.store.root):
            sweep_lost(self.store.root, [run.state for run in self._runs()])
            self.round.swept_on_look += len(left)
            left = self.traces.left()
        for process in left:
            self._add_violation(f"orphan: {process}")

    def _wrong(self, run: Run) -> Iterator[str]:
        """Yield what is wrong or corrupt in an ended run."""
        state, truth = str(run.state), true_state(run.dir)
        if state != truth:
            yield f"reported as {state}, but is {truth}"
        if not self.round.attempts:
            self.round.states[run.name] = truth
        allowed = {"finished"}.union(*(faults.ENDS_AS.get(name, set()) for name in self.active_faults))
        if truth not in allowed and not self._ended_before(run):
            yield f"{truth}, though its only faults were {self.active_faults or 'none'}: {run.exit()}"
        if truth == "finished" and not read_event_log(run.dir).finished and not self.scene.torn.get(run.dir):
            yield "finished, though its events do not say so"
        ended = run.exit()
        if truth == "failed" and (ended is None or not ended.error):
            yield "failed without a reason"
        summary = read_json(run.dir / "summary.json")
        if summary is not None and summary["state"] != truth:
            yield f"its summary says {summary['state']}, but it is {truth}"
        yield from integrity.corrupt(run.dir, self._torn(run))
        self.round.leftovers += len(integrity.leftovers(run.dir))

    def _ended_before(self, run: Run) -> bool:
        """Return whether a newer run replaced it, so that it is unchanged."""
        return run not in self._newest()

    def _torn(self, run: Run) -> int:
        """Return how many incomplete lines its events may have: ours, and those of a full disk."""
        return self.scene.torn.get(run.dir, 0) + (5 if self.scene.small else 0)

    def _check_results(self) -> None:
        """Check that runs end with the numbers of undisturbed ones, bit for bit."""
        for run in self._newest():
            expected = self._reference(run)
            result = read_event_log(run.dir).result
            if result != expected:
                self._add_violation(f"{run.name}: ended with {result}, undisturbed with {expected}")

    def _reference(self, run: Run) -> tuple[Any, ...]:
        if self.round.real:
            return real_reference(self.world, run)
        epochs = undisturbed(run.config().training.seed, EPOCHS)
        by_epoch = {event.epoch: (event.train_loss, event.metrics) for event in epochs}
        interval = {"value": epochs[-1].metrics["full"]["ndcg@10"], "low": 0.0, "high": 1.0, "n": 1}
        tested = {"metrics": {"full": {"ndcg@10": interval}}, "epoch": EPOCHS - 1}
        return tuple(sorted(by_epoch.items())), tested

    def _add_violation(self, sentence: str) -> None:
        self.round.violations.append(sentence)


def real_reference(world: World, run: Run) -> tuple[Any, ...]:
    """Return the engine's result for the same experiment without faults; trained once per number of ranks."""
    experiment = run.config()
    ranks = experiment.launch.ranks
    if ranks not in world.references:
        store = RunStore(world.root)
        (reference,) = launch(store, [experiment.model_copy(update={"name": f"calm-{ranks}"})])
        watch = RunnerWatch(world.root)
        while not reference.state.ended:
            watch.revive([reference.state])
            time.sleep(0.2)
        world.references[ranks] = read_event_log(reference.dir).result
    return world.references[ranks]  # type: ignore[no-any-return]


def _scripted(number: int, index: int, rng: random.Random) -> tuple[str, str]:
    name = f"r{number:04}-{'abc'[index]}{rng.choice(SHAPES)}"
    text = f"""
[experiments.{name}]
data.dataset_name = "synthetic"
training = {{num_epochs = {EPOCHS}, seed = {rng.randrange(1000)}}}
evaluation.protocols = ["full"]
launch = {{script = "{SCRIPT}", j = "1x{rng.choice((1, 1, 2))}", threads = 1}}
"""
    return name, text


def _real(number: int, rng: random.Random) -> tuple[str, str]:
    name = f"r{number:04}-engine"
    text = f"""
[experiments.{name}]
data = {{dataset_name = "synthetic", random_user_count = 60, random_item_count = 40, random_size = 900}}
model = {{max_len = 12, emb_dim = 16, nhead = 2, num_layers = 1}}
training = {{num_epochs = {EPOCHS}, train_batch_size = 16, dupe_factor = 20}}
evaluation = {{metric_ks = [5, 10], protocols = ["full"]}}
launch = {{j = "1x{rng.choice((1, 2))}", gpu = 0, threads = 1}}
"""
    return name, text
