"""Asks all questions of a pre-flight before a launch: refuses, or tells what is doubtful."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from b4r_tui.runs.preflight.checks import findings
from b4r_tui.runs.preflight.finding import Finding
from b4r_tui.runs.store import Run
from engine.contract.config.experiment import Experiment
from engine.contract.errors import B4RError, ExitCode
from engine.contract.events import EventWriter, Warn

CODE = "preflight"


class PreflightError(B4RError):
    """Why experiments cannot be launched here now: a sentence each."""

    def __init__(self, sentences: Sequence[str], code: ExitCode) -> None:
        super().__init__(
            sentences[0] + (f" (and {len(sentences) - 1} more)" if len(sentences) > 1 else ""), code
        )
        self._sentences = tuple(sentences)

    def __str__(self) -> str:
        return "\n".join(self._sentences)


def preflight(root: Path, experiments: Sequence[Experiment]) -> list[list[Finding]]:
    """The warnings of each experiment, in their order. Raises PreflightError where one cannot run."""
    found = [list(findings(experiment, root)) for experiment in experiments]
    stops = [
        (f"{experiment.name}: {finding.key}: {finding.sentence}", finding.code)
        for experiment, each in zip(experiments, found, strict=True)
        for finding in each
        if finding.code is not None
    ]
    if stops:
        sentences = list(dict.fromkeys(sentence for sentence, _ in stops))
        wrong_input = any(code is ExitCode.BAD_INPUT for _, code in stops)
        raise PreflightError(sentences, ExitCode.BAD_INPUT if wrong_input else ExitCode.ENVIRONMENT)
    return found


def tell(run: Run, warnings: Sequence[Finding]) -> None:
    """Put the warnings among the run's events, where every screen and command finds them."""
    if not warnings:
        return
    with suppress(OSError):
        writer = EventWriter(run.events_path)
        for finding in warnings:
            writer.write(Warn(code=CODE, message=f"{finding.key}: {finding.sentence}"))
        writer.close()
