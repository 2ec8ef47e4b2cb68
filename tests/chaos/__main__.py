"""`python -m tests.chaos --rounds 200 --seed 7 --root DIR`: plays rounds of chaos; exits 1 where a check failed.

A round starts one to three small runs, by `--run` or by the app in a pseudo-terminal, breaks one thing or two at a
drawn moment, waits until all is over, checks it, takes up what has not finished (and breaks some of that too), and
checks that all runs end with the numbers of undisturbed ones. Most runs are scripts that save themselves as the
engine does; each tenth round is of the engine itself.
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
from tests.chaos import whole
from tests.chaos.rounds import Player, Round
from tests.chaos.truth import true_state
from tests.chaos.world import World

IDLE_SECONDS = 20.0  # for a runner that has nothing to do to leave
STATES = ("finished", "failed", "stopped", "lost")
TOTALS = {
    "runs": "{} runs",
    "attempts": "{} times what had not finished was taken up",
    "leftovers": "{} temporary files seen",
    "swept_on_look": "{} processes went only when someone looked",
}


def main() -> None:
    """Play, print the table, write the JSON."""
    parser = argparse.ArgumentParser(prog="tests.chaos", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=200, help="how many (200)")
    parser.add_argument("--first", type=int, default=0, help="number of the first round (0)")
    parser.add_argument("--seed", type=int, default=7, help="of all that is drawn (7)")
    parser.add_argument("--root", type=Path, required=True, metavar="DIR", help="a new or empty folder")
    parser.add_argument(
        "--real-every", type=int, default=10, metavar="N", help="the engine; 0 for never (10)"
    )
    parser.add_argument("--minutes", type=float, help="begin no round after so long")
    asked = parser.parse_args()
    world = World.made(asked.root.absolute())
    try:
        rounds = list(_played(world, asked))
        wrong = list(check_whole(world))
    finally:
        world.close()
    report = {"seed": asked.seed, "rounds": [asdict(each) for each in rounds], "violations": wrong}
    (asked.root / "report.json").write_text(json.dumps(report, indent=1) + "\n")
    for line in [*table(rounds), *(f"VIOLATION {each}" for each in wrong)]:
        _say(line)
    sys.exit(1 if wrong or any(each.violations for each in rounds) else 0)


def _played(world: World, asked: argparse.Namespace) -> Iterator[Round]:
    deadline = time.monotonic() + asked.minutes * 60 if asked.minutes else float("inf")
    for number in range(asked.first, asked.first + asked.rounds):
        if time.monotonic() > deadline:
            return
        real = bool(asked.real_every) and number % asked.real_every == asked.real_every - 1
        played = Player(world, number, asked.seed, real).play()
        told = ", ".join(name + ("" if hit else " (too late)") for name, hit in played.faults.items())
        states = dict(Counter(played.states.values()))
        _say(f"{number:4} {told:32} {played.seconds:6.1f} s  {states}")
        for violation in played.violations:
            _say(f"     VIOLATION {violation}")
        yield played


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def check_whole(world: World) -> Iterator[str]:
    """After all rounds: the listing is whole and true, no runner stays, no checkpoint is torn."""
    for root in world.roots():
        yield from _check_listing(world, root)
        deadline = time.monotonic() + IDLE_SECONDS
        while is_runner_alive(root) and time.monotonic() < deadline:
            time.sleep(0.1)
        if is_runner_alive(root):
            yield f"{root}: its runner does not leave"
        yield from whole.corrupt(root / ".queue")
        yield from whole.corrupt_checkpoints(root)


def _check_listing(world: World, root: Path) -> Iterator[str]:
    """`b4r-tui runs` tells every run folder there is, each with the state that it is in."""
    command = [sys.executable, "-m", "b4r_tui", "--runs", str(root), "runs", "--json"]
    done = subprocess.run(
        command, env=world.environment(real=True), capture_output=True, text=True, check=True
    )
    told = {f"{each['experiment']}/{each['run_id']}": each["state"] for each in json.loads(done.stdout)}
    there = {
        f"{path.parent.parent.name}/{path.parent.name}": path.parent for path in root.glob("*/*/status.json")
    }
    listed = {run.name for run in RunStore(root).runs()}
    for name in sorted(there.keys() ^ told.keys() | there.keys() ^ listed):
        yield f"{name}: lost from the listing"
    for name in there.keys() & told.keys():
        if told[name] != (truth := true_state(there[name])):
            yield f"{name}: listed as {told[name]}, but is {truth}"


def table(rounds: Sequence[Round]) -> Iterator[str]:
    """Rounds by fault, and what the runs were when the dust had settled."""
    yield (
        f"{'fault':16}{'rounds':>8}{'hit':>6}"
        + "".join(f"{state:>10}" for state in STATES)
        + f"{'violations':>12}"
    )
    for name in sorted({name for each in rounds for name in each.faults}):
        there = [each for each in rounds if name in each.faults]
        states = Counter(state for each in there for state in each.states.values())
        hits, wrong = sum(each.faults[name] for each in there), sum(len(each.violations) for each in there)
        counts = "".join(f"{states[state]:10}" for state in STATES)
        yield f"{name:16}{len(there):8}{hits:6}{counts}{wrong:12}"
    engine, terminal = sum(each.real for each in rounds), sum(each.in_terminal for each in rounds)
    yield f"{len(rounds)} rounds, {engine} of the engine, {terminal} with the app in a terminal"
    for name, text in TOTALS.items():
        yield f"{text.format(sum(int(getattr(each, name)) for each in rounds))}"
    yield f"{sum(len(each.violations) for each in rounds)} violations in rounds"


if __name__ == "__main__":
    main()
