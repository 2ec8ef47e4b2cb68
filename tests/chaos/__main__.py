"""`python -m tests.chaos --rounds 200 --seed 7 --root DIR` runs rounds of chaos; it exits with 1 if a check failed.

A round starts one to three small runs, by `--run` or by the app in a pseudo-terminal, injects one or two faults at a
random moment, waits until all have ended, checks them, retries what has not finished (with further faults), and
checks that all runs end with the numbers of undisturbed ones. Most runs are scripts with checkpoints like the
engine's; every tenth round uses the engine itself.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from b4r_tui.runs.queue.start_runner import is_runner_alive
from b4r_tui.runs.store import RunStore
from tests.chaos import integrity
from tests.chaos.rounds import Round, RoundRunner
from tests.chaos.truth import true_state
from tests.chaos.world import World

IDLE_SECONDS = 20.0  # for an idle runner to exit
STATES = ("finished", "failed", "stopped", "lost")
TOTALS = {
    "runs": "{} runs",
    "attempts": "{} retries of unfinished runs",
    "leftovers": "{} temporary files left",
    "swept_on_look": "{} processes ended only at the next look",
}


def main() -> None:
    """Run the rounds, print the table and write the JSON."""
    parser = argparse.ArgumentParser(prog="tests.chaos", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=200, help="number of rounds (200)")
    parser.add_argument("--first", type=int, default=0, help="number of the first round (0)")
    parser.add_argument("--seed", type=int, default=7, help="random seed (7)")
    parser.add_argument("--root", type=Path, required=True, metavar="DIR", help="a new or empty folder")
    parser.add_argument(
        "--real-every", type=int, default=10, metavar="N", help="use the engine every N rounds; 0: never (10)"
    )
    parser.add_argument("--minutes", type=float, help="start no round after this time")
    arguments = parser.parse_args()
    world = World.create(arguments.root.absolute())
    try:
        rounds = list(_run_rounds(world, arguments))
        violations = list(check_all(world))
    finally:
        world.close()
    report = {"seed": arguments.seed, "rounds": [asdict(each) for each in rounds], "violations": violations}
    (arguments.root / "report.json").write_text(json.dumps(report, indent=1) + "\n")
    for line in [*table(rounds), *(f"VIOLATION {each}" for each in violations)]:
        _print(line)
    sys.exit(1 if violations or any(each.violations for each in rounds) else 0)


def _run_rounds(world: World, arguments: argparse.Namespace) -> Iterator[Round]:
    deadline = time.monotonic() + arguments.minutes * 60 if arguments.minutes else float("inf")
    for number in range(arguments.first, arguments.first + arguments.rounds):
        if time.monotonic() > deadline:
            return
        real = bool(arguments.real_every) and number % arguments.real_every == arguments.real_every - 1
        finished = RoundRunner(world, number, arguments.seed, real).run()
        names = ", ".join(name + ("" if hit else " (too late)") for name, hit in finished.faults.items())
        states = dict(Counter(finished.states.values()))
        _print(f"{number:4} {names:32} {finished.seconds:6.1f} s  {states}")
        for violation in finished.violations:
            _print(f"     VIOLATION {violation}")
        yield finished


def _print(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def check_all(world: World) -> Iterator[str]:
    """Check after all rounds that the listing is complete and correct, no runner is left, no checkpoint is corrupt."""
    for root in world.roots():
        yield from _check_listing(world, root)
        deadline = time.monotonic() + IDLE_SECONDS
        while is_runner_alive(root) and time.monotonic() < deadline:
            time.sleep(0.1)
        if is_runner_alive(root):
            yield f"{root}: its runner does not exit"
        yield from integrity.corrupt(root / ".queue")
        yield from integrity.corrupt_checkpoints(root)


def _check_listing(world: World, root: Path) -> Iterator[str]:
    """Check that `b4r-tui runs` lists every run folder with its true state."""
    command = [sys.executable, "-m", "b4r_tui", "--runs", str(root), "runs", "--json"]
    completed = subprocess.run(
        command, env=world.environment(real=True), capture_output=True, text=True, check=True
    )
    states = {
        f"{each['experiment']}/{each['run_id']}": each["state"] for each in json.loads(completed.stdout)
    }
    folders = {
        f"{path.parent.parent.name}/{path.parent.name}": path.parent for path in root.glob("*/*/status.json")
    }
    listed = {run.name for run in RunStore(root).runs()}
    for name in sorted(folders.keys() ^ states.keys() | folders.keys() ^ listed):
        yield f"{name}: missing from the listing"
    for name in folders.keys() & states.keys():
        if states[name] != (truth := true_state(folders[name])):
            yield f"{name}: listed as {states[name]}, but is {truth}"


def table(rounds: Sequence[Round]) -> Iterator[str]:
    """Yield the lines of the table: rounds and states of runs by fault, then totals."""
    yield (
        f"{'fault':16}{'rounds':>8}{'hit':>6}"
        + "".join(f"{state:>10}" for state in STATES)
        + f"{'violations':>12}"
    )
    for name in sorted({name for each in rounds for name in each.faults}):
        with_fault = [each for each in rounds if name in each.faults]
        states = Counter(state for each in with_fault for state in each.states.values())
        hits = sum(each.faults[name] for each in with_fault)
        violations = sum(len(each.violations) for each in with_fault)
        counts = "".join(f"{states[state]:10}" for state in STATES)
        yield f"{name:16}{len(with_fault):8}{hits:6}{counts}{violations:12}"
    engine, terminal = sum(each.real for each in rounds), sum(each.in_terminal for each in rounds)
    yield f"{len(rounds)} rounds, {engine} with the engine, {terminal} with the app in a terminal"
    for name, text in TOTALS.items():
        yield f"{text.format(sum(int(getattr(each, name)) for each in rounds))}"
    yield f"{sum(len(each.violations) for each in rounds)} violations in rounds"


if __name__ == "__main__":
    main()
