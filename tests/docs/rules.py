"""How each documented command is tested: by the first matching rule. A command without one fails."""

from __future__ import annotations

import re
from dataclasses import dataclass

FAKE, REAL, PARSED, OTHER = "fake", "real", "parsed", "other"


@dataclass(frozen=True)
class Rule:
    """How matching commands are tested.

    how: fake (run with stand-ins for torchrun's ranks), real (run unchanged), parsed (accepted by the parser, and
    files it names exist) or other (another program; see `test_other_programs`). why: for parsed and other, why it is
    not run, and which test runs a similar one. names: values of RUN, in turn. name: the value of NAME. before:
    commands to run first. paused: with the queue paused.
    """

    pattern: str
    how: str
    why: str = ""
    names: tuple[str, ...] = ("base", "big")
    name: str = "base"
    before: tuple[str, ...] = ()
    paused: bool = False


MODEL = "importing torch takes seconds; one such command is run for real, {} runs the others"
FIRST = "--run experiments.toml --only chain-ddp"
RULES = (
    Rule(r"b4r-tui validate ", FAKE),
    Rule(r"b4r-tui runs$", FAKE),
    Rule(r"b4r-tui show ", FAKE),
    Rule(r"b4r-tui compare ", FAKE),
    Rule(
        r"b4r-tui export .*--only full uniform",
        PARSED,
        "needs the runs of examples/losses.toml; other exports are run",
    ),
    Rule(r"b4r-tui export ", FAKE),
    Rule(r"b4r-tui import .*--into ", FAKE),
    Rule(r"b4r-tui import ", FAKE),
    Rule(r"b4r-tui --tail ", FAKE),
    Rule(r"b4r-tui --run experiments.toml$", FAKE),
    Rule(r"b4r-tui --run examples/\S+.toml --only \S+$", PARSED, "like the one above, with another file"),
    Rule(
        r"b4r-tui --run examples/(sweep|losses).toml$",
        PARSED,
        "twelve runs; tests/e2e/test_sweep_to_table.py drives fewer",
    ),
    Rule(r"b4r-tui launch ", FAKE),
    Rule(r"b4r-tui resume ", FAKE, names=("halted",)),
    Rule(r"b4r-tui retry --failed --only NAME$", FAKE, name="broken"),
    Rule(r"b4r-tui delete ", FAKE),
    Rule(r"b4r-tui rerun RUN$", PARSED, "the one with --check is run, which waits for the run"),
    Rule(r"b4r-tui rerun ", FAKE, names=("chain-ddp",), before=(FIRST,)),
    Rule(r"b4r-tui queue move ", FAKE, names=("waiting", "later"), paused=True),
    Rule(r"b4r-tui queue priority ", FAKE, names=("waiting",), paused=True),
    Rule(r"b4r-tui queue", FAKE, paused=True),
    Rule(r"b4r-tui sweep .*--dry-run$", FAKE, name="searched"),
    Rule(r"b4r-tui sweep examples/ml-1m.toml --only output$", FAKE),
    Rule(r"b4r-tui sweep ", PARSED, "like the one above; tests/b4r_tui/sweeps/test_grid.py drives others"),
    Rule(r"b4r-tui doctor experiments.toml$", REAL),
    Rule(r"b4r-tui doctor ", PARSED, "the same checks as above"),
    Rule(r"b4r-tui evaluate RUN$", REAL, names=("tiny",)),
    Rule(r"b4r-tui evaluate ", PARSED, MODEL.format("tests/b4r_tui/commands/test_evaluate.py")),
    Rule(r"b4r-tui recommend RUN --user 1 17$", REAL, names=("tiny",)),
    Rule(r"b4r-tui recommend ", PARSED, MODEL.format("tests/engine/serving/test_recommend.py")),
    Rule(
        r"b4r-tui fairness ",
        PARSED,
        "importing torch takes seconds; tests/b4r_tui/commands/test_fairness.py runs it",
    ),
    Rule(r"b4r-tui export-model RUN$", REAL, names=("tiny",)),
    Rule(r"b4r-tui export-model ", PARSED, MODEL.format("tests/engine/serving/test_export_model.py")),
    Rule(
        r"b4r-tui track ",
        PARSED,
        "needs the trackers; tests/b4r_tui/runs/trackers/test_trackers.py feeds both",
    ),
    Rule(r"b4r-tui fetch ", PARSED, "downloads; tests/b4r_tui/commands/test_fetch.py uses a local server"),
    Rule(r"b4r-tui serve", PARSED, "serves until interrupted; tests/e2e/test_serve.py runs it"),
    Rule(
        r"(\.venv/bin/)?b4r-tui$", PARSED, "the app needs a terminal; tests/e2e/test_terminal.py provides one"
    ),
    Rule(r"make ", OTHER, "`make -n` shows that the target exists"),
    Rule(r"python -m ", OTHER, "takes minutes; its module and options are checked"),
    Rule(r"pip install ", OTHER, "needs a network; its extras are checked"),
    Rule(
        r"(tensorboard|mlflow|ir_measures) ",
        OTHER,
        "another program: its package is in one of our extras",
    ),
)


def rule_of(command: str) -> Rule:
    """Return the rule of a command. Raises LookupError if there is none."""
    for rule in RULES:
        if re.match(rule.pattern, command):
            return rule
    raise LookupError(f"{command!r}: add a rule to tests/docs/rules.py")
