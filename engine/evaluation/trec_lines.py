"""Formats lines of run files: the original system's six columns, TREC's run format, and TREC's judgements (qrels)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import quote

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from engine.evaluation.candidates import RankedCandidates

TAG = "Bert4Rec"
_UNSAFE = re.compile(r"[\s%\x00-\x1f\x7f]")


def safe_ids(ids: Iterable[str]) -> np.ndarray:
    """Escape white space, control characters and `%` of ids as `%XX`, as in a URL.

    TREC's columns are separated by white space; `urllib.parse.unquote` restores the id.
    """
    return np.array([_UNSAFE.sub(lambda match: quote(match[0], safe=""), str(each)) for each in ids], object)


def six_columns(user_ids: np.ndarray, item_ids: np.ndarray, ranked: RankedCandidates) -> bytes:
    """Return lines `user 0 item 0 log-probability -`, tab-separated, best candidate first.

    user_ids: (users,) of the rows of `ranked`; item_ids: (items,) of all items.
    """
    rows, items = _cells(ranked)
    values = ranked.log_probabilities[ranked.items >= 0]
    return _joined(
        "\t", user_ids[rows], "0", item_ids[items], "0", [f"{v:.15f}" for v in values.tolist()], "-"
    )


def trec_run(user_ids: np.ndarray, item_ids: np.ndarray, ranked: RankedCandidates) -> bytes:
    """Return lines `user Q0 item rank score tag`, space-separated; arguments as in `six_columns`.

    The score is the model's, with enough digits to restore a float32: trec_eval keeps no more, and would treat close
    log-probabilities as equal.
    """
    rows, items = _cells(ranked)
    scores = [f"{v:.9g}" for v in ranked.scores[ranked.items >= 0].tolist()]
    ranks = (np.nonzero(ranked.items >= 0)[1] + 1).astype(str)
    return _joined(" ", user_ids[rows], "Q0", item_ids[items], ranks, scores, TAG)


def qrels(user_ids: np.ndarray, item_ids: np.ndarray) -> bytes:
    """Return lines `user 0 item 1`, space-separated, for each user's held-out item; arguments (users,) each."""
    return _joined(" ", user_ids, "0", item_ids, "1")


def _cells(ranked: RankedCandidates) -> tuple[np.ndarray, np.ndarray]:
    """Return the row and item of each listed candidate, row after row."""
    rows, columns = np.nonzero(ranked.items >= 0)
    return rows, ranked.items[rows, columns]


def _joined(separator: str, *columns: np.ndarray | list[str] | str) -> bytes:
    """Join columns to lines; a plain string is repeated in each line. Empty if there are no lines."""
    cells = [each if isinstance(each, str) else pa.array(list(each), pa.string()) for each in columns]
    lines = pc.binary_join_element_wise(*cells, separator).to_pylist()
    return "".join(f"{line}\n" for line in lines).encode()
