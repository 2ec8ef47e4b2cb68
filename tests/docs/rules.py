"""How each command of the pages is tested: the first rule that matches says so, and a command without one fails."""

from __future__ import annotations

import re
from dataclasses import dataclass

FAKE, REAL, PARSED, OTHER = "fake", "real", "parsed", "other"


@dataclass(frozen=True)
class Rule:
    """How commands that match are tested.

    how: fake (run, with stand-ins for torchrun's ranks), real (run as it is), parsed (the program's parser takes it,
    and files of the repository that it names are there) or other (not our program; see `test_other_programs`).
    why: of parsed and other ones, why they are not run, and what runs the like. names: what RUN stands for, each in
    turn. name: what NAME stands for. before: commands run first. paused: with the queue at rest.
    """

    pattern: str
    how: str
    why: str = ""
    names: tuple[str, ...] = ("base", "big")
    name: str = "base"
    before: tuple[str, ...] = ()
    paused: bool = False


MODEL = "loads torch for seconds; one such command is run for real, and {} runs the rest"
FIRST = "--run experiments.toml --only chain-ddp"
RULES = (
    Rule(r"b4r-tui validate ", FAKE),
    Rule(r"b4r-tui runs$", FAKE),
    Rule(r"b4r-tui show ", FAKE),
    Rule(r"b4r-tui compare ", FAKE),
    Rule(
        r"b4r-tui export .*--only full uniform",
        PARSED,
        "needs the runs of examples/losses.toml; the one below is of others",
    ),
    Rule(r"b4r-tui export ", FAKE),
    Rule(r"b4r-tui import .*--into ", FAKE),
    Rule(r"b4r-tui import ", FAKE),
    Rule(r"b4r-tui --tail ", FAKE),
    Rule(r"b4r-tui --run experiments.toml$", FAKE),
    Rule(r"b4r-tui --run examples/\S+.toml --only \S+$", PARSED, "as the one above, of another file"),
    Rule(
        r"b4r-tui --run examples/(sweep|losses).toml$",
        PARSED,
        "twelve runs; tests/e2e/test_sweep_to_table.py drives fewer",
    ),
    Rule(r"b4r-tui launch ", FAKE),
    Rule(r"b4r-tui resume ", FAKE, names=("halted",)),
    Rule(r"b4r-tui retry --failed --only NAME$", FAKE, name="broken"),
    Rule(r"b4r-tui delete ", FAKE),
    Rule(r"b4r-tui rerun RUN$", PARSED, "as with --check, which waits for the run"),
    Rule(r"b4r-tui rerun ", FAKE, names=("chain-ddp",), before=(FIRST,)),
    Rule(r"b4r-tui queue move ", FAKE, names=("waiting", "later"), paused=True),
    Rule(r"b4r-tui queue priority ", FAKE, names=("waiting",), paused=True),
    Rule(r"b4r-tui queue", FAKE, paused=True),
    Rule(r"b4r-tui sweep .*--dry-run$", FAKE, name="searched"),
    Rule(r"b4r-tui sweep examples/ml-1m.toml --only output$", FAKE),
    Rule(r"b4r-tui sweep ", PARSED, "as the one above; tests/b4r_tui/sweeps/test_grid.py drives others"),
    Rule(r"b4r-tui doctor experiments.toml$", REAL),
    Rule(r"b4r-tui doctor ", PARSED, "the same look at the machine as above"),
    Rule(r"b4r-tui evaluate RUN$", REAL, names=("tiny",)),
    Rule(r"b4r-tui evaluate ", PARSED, MODEL.format("tests/b4r_tui/commands/test_evaluate.py")),
    Rule(r"b4r-tui recommend RUN --user 1 17$", REAL, names=("tiny",)),
    Rule(r"b4r-tui recommend ", PARSED, MODEL.format("tests/engine/serving/test_recommend.py")),
    Rule(
        r"b4r-tui fairness ",
        PARSED,
        "loads torch for seconds; tests/b4r_tui/commands/test_fairness.py runs it",
    ),
    Rule(r"b4r-tui export-model RUN$", REAL, names=("tiny",)),
    Rule(r"b4r-tui export-model ", PARSED, MODEL.format("tests/engine/serving/test_export_model.py")),
    Rule(
        r"b4r-tui track ",
        PARSED,
        "needs the trackers; tests/b4r_tui/runs/trackers/test_trackers.py feeds both",
    ),
    Rule(
        r"b4r-tui fetch ", PARSED, "downloads; tests/b4r_tui/commands/test_fetch.py has a server of its own"
    ),
    Rule(r"b4r-tui serve", PARSED, "serves until it is interrupted; tests/e2e/test_serve.py does that"),
    Rule(
        r"(\.venv/bin/)?b4r-tui$", PARSED, "the app needs a terminal; tests/e2e/test_terminal.py gives it one"
    ),
    Rule(r"make ", OTHER, "`make -n` says what it would do"),
    Rule(r"python -m ", OTHER, "takes minutes; its module and options are looked up"),
    Rule(r"pip install ", OTHER, "needs a network; its extras are looked up"),
    Rule(
        r"(tensorboard|mlflow|ir_measures) ",
        OTHER,
        "not our program: its option or package is one of our extras'",
    ),
)


def rule_of(command: str) -> Rule:
    """The rule of a command. Raises LookupError where nobody has said how it is tested."""
    for rule in RULES:
        if re.match(rule.pattern, command):
            return rule
    raise LookupError(f"{command!r}: say in tests/docs/rules.py how it is tested")
