"""Parses the names of evaluation protocols: which candidates a held-out item is ranked among."""

from __future__ import annotations

from dataclasses import dataclass

from engine.contract.config.evaluation import PROTOCOL_PATTERN
from engine.contract.errors import B4RError
from engine.data.evaluation_negatives import Weights


@dataclass(frozen=True)
class EvaluationProtocol:
    """A protocol. `full`, with weights None, ranks among all unseen items; others draw `count` negatives."""

    name: str
    weights: Weights | None = None
    count: int = 0


def parse_protocol(name: str) -> EvaluationProtocol:
    """Return the protocol of a name such as `full` or `popular-100`. Raises B4RError for an invalid name."""
    match = PROTOCOL_PATTERN.fullmatch(name)
    if not match:
        raise B4RError(
            f"'{name}' is not a valid protocol; use full, popular-N or uniform-N, e.g. popular-100"
        )
    if match[1] is None:
        return EvaluationProtocol(name)
    return EvaluationProtocol(name, "popular" if match[1] == "popular" else "uniform", int(match[2]))
