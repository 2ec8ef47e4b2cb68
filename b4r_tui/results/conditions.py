"""Under what conditions a number was measured: only numbers of the same ones are ranked or compared."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass

from b4r_tui.runs.summary import Summary

_WORDS = {"dataset": "data set", "fingerprint": "split fingerprint", "negatives": "sampled negatives"}
_DIGESTS = ("fingerprint", "negatives")


@dataclass(frozen=True)
class Conditions:
    """What two numbers must have in common. All of the test split.

    fingerprint: of the split and so of the data in it. negatives: of those that a sampled protocol drew, empty for
    `full`.
    """

    protocol: str
    metric: str
    dataset: str
    fingerprint: str
    negatives: str


def conditions(summary: Summary, metric: str | None = None, protocol: str | None = None) -> Conditions:
    """Those of a run's number; None takes the protocol and the metric that chose its best epoch."""
    protocol = protocol or str(summary.get("protocol") or "")
    return Conditions(
        protocol,
        metric or str(summary.get("select_by") or ""),
        str(summary.get("dataset") or ""),
        str(summary.get("fingerprint") or ""),
        str(summary.get(f"negatives.{protocol}") or ""),
    )


def differing(several: Iterable[Conditions]) -> list[str]:
    """What differs among them, in words with the values: `protocol (full, popular-100)`; empty where nothing does."""
    tables = [asdict(each) for each in several]
    found = []
    for key in tables[0] if tables else []:
        values = list(dict.fromkeys(_shown(key, table[key]) for table in tables))
        if len({table[key] for table in tables}) > 1:
            found.append(f"{_WORDS.get(key, key)} ({', '.join(values)})")
    return found


def listed(words: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return " and ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))


def _shown(key: str, value: str) -> str:
    return (value[:8] if key in _DIGESTS else value) or "none"
