"""csv, JSON and parquet: one record per group, one column per figure."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from typing import Any

from b4r_tui.results.board import Row
from b4r_tui.results.export.table import Panel

Record = dict[str, Any]


def records(panels: Sequence[Panel]) -> list[Record]:
    """Return one flat record per group: conditions, runs, then for each metric m `m`, `m.sd`, `m.low`, `m.high`,
    `m.popularity` and, with a baseline, `m.difference`, `m.difference.low`, `m.difference.high`, `m.p`, `m.p_holm`,
    `m.p_seeds`.

    All records have the same keys; values a group lacks are None.
    """
    ragged = [record for panel in panels for record in _of_panel(panel)]
    keys = list(dict.fromkeys(key for record in ragged for key in record))
    return [{key: record.get(key) for key in keys} for record in ragged]


def as_csv(panels: Sequence[Panel]) -> str:
    """Return the records as csv with a header; lists are joined by spaces."""
    rows, text = records(panels), io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(rows[0] if rows else [])
    writer.writerows([_joined(value) for value in row.values()] for row in rows)
    return text.getvalue()


def as_json(panels: Sequence[Panel]) -> str:
    """Return the records as a JSON array."""
    return json.dumps(records(panels), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def as_parquet(panels: Sequence[Panel]) -> bytes:
    """Return the records as the bytes of a parquet file."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    buffer = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(records(panels)), buffer, compression="zstd")
    return buffer.getvalue()


def _of_panel(panel: Panel) -> list[Record]:
    flat = []
    for place, (group, row) in enumerate(panel.rows()):
        record: Record = {
            "protocol": panel.protocol,
            "dataset": panel.dataset,
            "fingerprint": panel.fingerprint,
            "negatives": panel.negatives,
            "experiment": group.name,
            "runs": len(group.runs),
            "seeds": list(group.seeds),
            "run_ids": list(group.run_ids),
            "mode": row.mode,
            "ranks": row.ranks,
            "users": row.n,
            "tested_epochs": list(row.tested_epochs),
            "baseline": panel.baseline,
        }
        for metric in panel.metrics:
            record |= _figures(metric, panel.cells[metric][place], panel.baseline is not None)
        flat.append(record)
    return flat


def _figures(metric: str, row: Row | None, tested: bool) -> Record:
    names = ("value", "sd", "low", "high", "popularity")
    figures = {f"{metric}.{name}": getattr(row, name, None) for name in names}
    record = {metric: figures.pop(f"{metric}.value"), **figures}
    if not tested:
        return record
    test = row.versus if row else None
    record |= {
        f"{metric}.difference": getattr(test, "difference", None),
        f"{metric}.difference.low": getattr(test, "low", None),
        f"{metric}.difference.high": getattr(test, "high", None),
    }
    return record | {f"{metric}.{name}": getattr(test, name, None) for name in ("p", "p_holm", "p_seeds")}


def _joined(value: Any) -> Any:
    if isinstance(value, list):
        return " ".join("" if item is None else str(item) for item in value)
    return "" if value is None else value
