"""Groups from a csv that somebody wrote: the columns id and group, a row for each membership."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from engine.contract.errors import B4RError
from engine.evaluation.fairness.groups import Groups, from_memberships

HEADER = ["id", "group"]


def read_group_file(path: Path, known: np.ndarray) -> Groups:
    """Groups of the ids `known`, (n,) str; ids are compared as texts, as they stand in the data.

    Raises B4RError for a file that cannot be read, a wrong header or row, and where no id is known.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            memberships = list(_memberships(path, file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        why = getattr(error, "strerror", None) or error
        raise B4RError(f"{path}: cannot be read ({why}); give a csv with the columns id,group") from error
    groups = from_memberships(path.name, memberships, known)
    if not groups.members.nnz:
        raise B4RError(
            f"{path}: none of its {groups.unknown} ids is in the data; write ids as the data have them"
        )
    return groups


def _memberships(path: Path, lines: Iterator[str]) -> Iterator[tuple[str, str]]:
    reader = csv.reader(lines)
    header = [cell.strip().lower() for cell in next(reader, [])]
    if header != HEADER:
        raise B4RError(f"{path}: begins with '{','.join(header)[:60]}'; its first line has to be id,group")
    for row in reader:
        cells = [cell.strip() for cell in row]
        if not any(cells):
            continue
        if len(cells) != len(HEADER) or not all(cells):
            raise B4RError(
                f"{path}:{reader.line_num}: is no id and group; write one of each, with a comma between"
            )
        yield cells[0], cells[1]
