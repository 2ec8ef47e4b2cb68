"""One round: start small runs, break something, see that what is left is true, and go on until all have finished."""

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
from tests.chaos import faults, whole
from tests.chaos.ranks import undisturbed
from tests.chaos.story import read_story
from tests.chaos.truth import Traces, true_state
from tests.chaos.world import App, World

EPOCHS = 3
ATTEMPTS = 4  # the last of them undisturbed
SECOND_FAULT = 0.3  # of the attempts that go on
SECONDS = {False: 90.0, True: 300.0}  # until runs have ended; for the engine
GONE_SECONDS = 6.0  # for processes to go by themselves
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
    """What was done and what became of it. faults: name → whether it hit; states: after the faults, by run."""

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


class Player:
    """Plays one round."""

    def __init__(self, world: World, number: int, seed: int, real: bool) -> None:
        self.world, self.rng = world, random.Random(f"{seed}/{number}")
        self.planned = self._draw(number)
        small = world.small if "disk full" in self.planned else None
        root = world.small_root if small and world.small_root else world.root
        in_terminal = not real and self.rng.random() < 0.2
        self.round = Round(number, real, in_terminal)
        self.store, self.traces = RunStore(root), Traces(root)
        self.scene = faults.Scene(root, [], None, self.rng, small)
        self.suffered: set[str] = set()

    def _draw(self, number: int) -> list[str]:
        """One fault or two; the first in turn rather than by chance, so that a few rounds meet them all."""
        names = [name for name in faults.FAULTS if name != "disk full" or self.world.small]
        first = names[number % len(names)]
        return [first, self.rng.choice(names)] if self.rng.random() < 0.25 else [first]

    # the play ----------------------------------------------------------------------------------

    def play(self) -> Round:
        """All of it; what is wrong stands in the round's violations."""
        began = time.monotonic()
        with self.world.as_shell(self.round.real):
            try:
                self._begin()
                self._break(self.planned)
                self._settle()
                self._check()
                self._go_on_to_the_end()
                self._check_results()
            except (B4RError, OSError, AssertionError, ValueError) as error:
                self._complain(f"{type(error).__name__}: {error}")
            finally:
                self._end()
        self.round.seconds = round(time.monotonic() - began, 1)
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
        """The text of each experiment by its name."""
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
            elif not self._comes(moment):
                self.round.faults.setdefault(name, False)
                continue
            time.sleep(delay)
            self.scene.runs = self._runs()
            hit = faults.strike(name, self.scene)
            self.traces.look()
            self.round.faults[name] = self.round.faults.get(name, False) or hit
            self.suffered |= {name} if hit else set()

    def _comes(self, moment: str) -> bool:
        """Wait until one of the runs is so far; False where all ended before."""
        deadline = time.monotonic() + SECONDS[self.round.real]
        while not any(WAITS[moment](run) for run in self._runs() if not run.state.ended):
            runs = self._runs()
            if (runs and all(run.state.ended for run in runs)) or time.monotonic() > deadline:
                return False
            time.sleep(0.02)
        return True

    def _settle(self) -> None:
        """Let go of what was broken, and wait until all runs have ended, as someone who looks on."""
        if self.scene.fillers:
            time.sleep(self.rng.uniform(0.5, 2.5))
        for filler in self.scene.fillers:
            filler.unlink(missing_ok=True)
        self.scene.fillers.clear()
        watch, deadline = RunnerWatch(self.store.root), time.monotonic() + SECONDS[self.round.real]
        while not self._is_over():
            watch.revive([run.state for run in self._runs()])
            if time.monotonic() > deadline:
                told = {run.name: str(run.state) for run in self._runs()}
                self._complain(f"not over after {SECONDS[self.round.real]:g} s: {told}")
                return
            time.sleep(0.05)
            if self.rng.random() < 0.1:
                self.traces.look()

    def _is_over(self) -> bool:
        """All runs have ended; a headless app, which may be starting more, has too."""
        app = self.scene.app
        is_launching = app is not None and not app.in_terminal and app.process.poll() is None
        return not is_launching and all(run.state.ended for run in self._runs())

    def _go_on_to_the_end(self) -> None:
        for attempt in range(1, ATTEMPTS + 1):
            unfinished = [run for run in self._newest() if str(run.state) != "finished"]
            if not unfinished:
                return
            self.round.attempts = attempt
            if self.rng.random() < 0.4:
                faults.cut_events(self.scene, self.rng.choice(unfinished))
                self.round.faults["cut events"] = True
            self.suffered = set()
            retry(self.store, unfinished)
            if attempt < ATTEMPTS and self.rng.random() < SECOND_FAULT:
                self._break([self.rng.choice(("runner", "supervisor", "torchrun", "rank", "machine"))])
            self._settle()
            self._check()
        left = {run.name: str(run.state) for run in self._newest() if str(run.state) != "finished"}
        if left:
            self._complain(f"an undisturbed attempt did not finish: {left}")

    def _end(self) -> None:
        app = self.scene.app
        if app is not None and app.process.poll() is None and not app.leave(15.0):
            self._complain("the app did not leave")

    # what is left ------------------------------------------------------------------------------

    def _runs(self) -> list[Run]:
        return [run for name in self.names for run in self.store.runs_of(name)]

    def _newest(self) -> list[Run]:
        """Of runs that were replaced by new ones, the new ones."""
        return [run for name in self.names if (run := self.store.latest(name)) is not None]

    def _check(self) -> None:
        self._check_processes()
        for run in self._runs():
            for wrong in self._wrong(run):
                self._complain(f"{run.name}: {wrong}")
        self.round.runs = len(self._runs())

    def _check_processes(self) -> None:
        """They go by themselves; where no runner lives, at the next look of `b4r-tui runs`."""
        deadline = time.monotonic() + GONE_SECONDS
        while (left := self.traces.left()) and time.monotonic() < deadline:
            time.sleep(0.1)
        if left and not is_runner_alive(self.store.root):
            sweep_lost(self.store.root, [run.state for run in self._runs()])
            self.round.swept_on_look += len(left)
            left = self.traces.left()
        for process in left:
            self._complain(f"orphan: {process}")

    def _wrong(self, run: Run) -> Iterator[str]:
        """What is untrue or torn of a run that has ended."""
        state, truth = str(run.state), true_state(run.dir)
        if state != truth:
            yield f"said to be {state}, but is {truth}"
        if not self.round.attempts:
            self.round.states[run.name] = truth
        allowed = {"finished"}.union(*(faults.ENDS_AS.get(name, set()) for name in self.suffered))
        if truth not in allowed and not self._ended_before(run):
            yield f"{truth}, though only {self.suffered or 'nothing'} was done to it: {run.exit()}"
        if (truth == "finished") and not read_story(run.dir).finished and not self.scene.torn.get(run.dir):
            yield "finished, though its events do not say so"
        ended = run.exit()
        if truth == "failed" and (ended is None or not ended.error):
            yield "failed without a sentence"
        summary = read_json(run.dir / "summary.json")
        if summary is not None and summary["state"] != truth:
            yield f"its summary says {summary['state']}, but it is {truth}"
        yield from whole.corrupt(run.dir, self._torn(run))
        self.round.leftovers += len(whole.leftovers(run.dir))

    def _ended_before(self, run: Run) -> bool:
        """Whether a newer run took its place, so that it is as it was."""
        return run not in self._newest()

    def _torn(self, run: Run) -> int:
        """Half lines that may stand in its events: ours, and those of a full disk."""
        return self.scene.torn.get(run.dir, 0) + (5 if self.scene.small else 0)

    def _check_results(self) -> None:
        """Runs end with the numbers of undisturbed ones, bit for bit."""
        for run in self._newest():
            expected = self._reference(run)
            told = read_story(run.dir)
            if told.result != expected:
                self._complain(f"{run.name}: ended with {told.result}, undisturbed with {expected}")

    def _reference(self, run: Run) -> tuple[Any, ...]:
        if self.round.real:
            return real_reference(self.world, run)
        epochs = undisturbed(run.config().training.seed, EPOCHS)
        told = {event.epoch: (event.train_loss, event.metrics) for event in epochs}
        interval = {"value": epochs[-1].metrics["full"]["ndcg@10"], "low": 0.0, "high": 1.0, "n": 1}
        tested = {"metrics": {"full": {"ndcg@10": interval}}, "epoch": EPOCHS - 1}
        return tuple(sorted(told.items())), tested

    def _complain(self, sentence: str) -> None:
        self.round.violations.append(sentence)


def real_reference(world: World, run: Run) -> tuple[Any, ...]:
    """What the engine tells of the same experiment where nobody disturbs it; trained once for each number of ranks."""
    experiment = run.config()
    ranks = experiment.launch.ranks
    if ranks not in world.references:
        store = RunStore(world.root)
        (calm,) = launch(store, [experiment.model_copy(update={"name": f"calm-{ranks}"})])
        watch = RunnerWatch(world.root)
        while not calm.state.ended:
            watch.revive([calm.state])
            time.sleep(0.2)
        world.references[ranks] = read_story(calm.dir).result
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
