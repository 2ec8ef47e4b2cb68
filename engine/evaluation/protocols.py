"""The names of evaluation protocols, read: which candidates a held-out item is ranked among."""

from __future__ import annotations

from dataclasses import dataclass

from engine.contract.config.evaluation import PROTOCOL_PATTERN
from engine.contract.errors import B4RError
from engine.data.evaluation_negatives import Weights


@dataclass(frozen=True)
class EvaluationProtocol:
    """`full` ranks among all items that the user has not had: weights None. Others draw `count` negatives."""

    name: str
    weights: Weights | None = None
    count: int = 0


def parse_protocol(name: str) -> EvaluationProtocol:
    """The protocol of a name such as `full` or `popular-100`. Raises B4RError for any other name."""
    match = PROTOCOL_PATTERN.fullmatch(name)
    if not match:
        raise B4RError(f"'{name}' is no protocol; use full, popular-N or uniform-N, such as popular-100")
    if match[1] is None:
        return EvaluationProtocol(name)
    return EvaluationProtocol(name, "popular" if match[1] == "popular" else "uniform", int(match[2]))
