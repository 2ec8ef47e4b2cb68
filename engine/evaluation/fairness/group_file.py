"""Reads groups from a csv with the columns id and group, one row per membership."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from engine.contract.errors import B4RError
from engine.evaluation.fairness.groups import Groups, from_memberships

HEADER = ["id", "group"]


def read_group_file(path: Path, known: np.ndarray) -> Groups:
    """Return the groups of the ids `known`, (n,) str; ids are compared as strings.

    Raises B4RError for an unreadable file, a wrong header or row, and if no id is known.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            memberships = list(_memberships(path, file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        why = getattr(error, "strerror", None) or error
        raise B4RError(f"{path}: cannot be read ({why}); use a csv with the columns id,group") from error
    groups = from_memberships(path.name, memberships, known)
    if not groups.members.nnz:
        raise B4RError(f"{path}: none of its {groups.unknown} ids is in the data; use the data set's ids")
    return groups


def _memberships(path: Path, lines: Iterator[str]) -> Iterator[tuple[str, str]]:
    reader = csv.reader(lines)
    header = [cell.strip().lower() for cell in next(reader, [])]
    if header != HEADER:
        raise B4RError(f"{path}: begins with '{','.join(header)[:60]}'; the first line must be id,group")
    for row in reader:
        cells = [cell.strip() for cell in row]
        if not any(cells):
            continue
        if len(cells) != len(HEADER) or not all(cells):
            raise B4RError(
                f"{path}:{reader.line_num}: expected an id and a group; separate them with a comma"
            )
        yield cells[0], cells[1]
