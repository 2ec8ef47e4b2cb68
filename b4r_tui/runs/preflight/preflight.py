"""Runs all checks of a pre-flight before a launch: refuses it, or returns what is doubtful."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from b4r_tui.runs.preflight.check import Check
from b4r_tui.runs.preflight.checks import check_launch
from b4r_tui.runs.store import Run
from engine.contract.config.experiment import Experiment
from engine.contract.errors import B4RError, ExitCode
from engine.contract.events import EventWriter, Warn

CODE = "preflight"


class PreflightError(B4RError):
    """Experiments that cannot be launched here now: one sentence per problem."""

    def __init__(self, sentences: Sequence[str], code: ExitCode) -> None:
        super().__init__(
            sentences[0] + (f" (and {len(sentences) - 1} more)" if len(sentences) > 1 else ""), code
        )
        self._sentences = tuple(sentences)

    def __str__(self) -> str:
        return "\n".join(self._sentences)


def preflight(root: Path, experiments: Sequence[Experiment]) -> list[list[Check]]:
    """Return the warnings of each experiment, in order. Raises PreflightError where one cannot run."""
    checks = [list(check_launch(experiment, root)) for experiment in experiments]
    stops = [
        (f"{experiment.name}: {check.key}: {check.sentence}", check.code)
        for experiment, each in zip(experiments, checks, strict=True)
        for check in each
        if check.code is not None
    ]
    if stops:
        sentences = list(dict.fromkeys(sentence for sentence, _ in stops))
        wrong_input = any(code is ExitCode.BAD_INPUT for _, code in stops)
        raise PreflightError(sentences, ExitCode.BAD_INPUT if wrong_input else ExitCode.ENVIRONMENT)
    return checks


def record_warnings(run: Run, warnings: Sequence[Check]) -> None:
    """Append the warnings to the run's events, where every screen and command finds them."""
    if not warnings:
        return
    with suppress(OSError):
        writer = EventWriter(run.events_path)
        for check in warnings:
            writer.write(Warn(code=CODE, message=f"{check.key}: {check.sentence}"))
        writer.close()
