"""The conditions under which a number was measured; only numbers measured under the same ones are compared."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass

from b4r_tui.runs.summary import Summary

_WORDS = {"dataset": "data set", "fingerprint": "split fingerprint", "negatives": "sampled negatives"}
_DIGESTS = ("fingerprint", "negatives")


@dataclass(frozen=True)
class Conditions:
    """What two test numbers must have in common to be compared.

    fingerprint: of the split, and thereby of the data. negatives: fingerprint of the negatives of a sampled protocol,
    empty for `full`.
    """

    protocol: str
    metric: str
    dataset: str
    fingerprint: str
    negatives: str


def conditions(summary: Summary, metric: str | None = None, protocol: str | None = None) -> Conditions:
    """Return the conditions of a run's number. None: the metric and protocol that selected its best epoch."""
    protocol = protocol or str(summary.get("protocol") or "")
    return Conditions(
        protocol,
        metric or str(summary.get("select_by") or ""),
        str(summary.get("dataset") or ""),
        str(summary.get("fingerprint") or ""),
        str(summary.get(f"negatives.{protocol}") or ""),
    )


def differing(several: Iterable[Conditions]) -> list[str]:
    """Return what differs among them, such as `protocol (full, popular-100)`; empty if nothing does."""
    tables = [asdict(each) for each in several]
    differences = []
    for key in tables[0] if tables else []:
        values = list(dict.fromkeys(_shown(key, table[key]) for table in tables))
        if len({table[key] for table in tables}) > 1:
            differences.append(f"{_WORDS.get(key, key)} ({', '.join(values)})")
    return differences


def listed(words: Sequence[str]) -> str:
    """Return the words as a list in a sentence: `a`, `a and b`, `a, b and c`."""
    return " and ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))


def _shown(key: str, value: str) -> str:
    return (value[:8] if key in _DIGESTS else value) or "none"
