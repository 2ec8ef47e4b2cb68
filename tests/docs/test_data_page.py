"""docs/data.md agrees with the readers: its samples are read and its tables compared."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from engine.contract.config.data import Columns, DataConfig
from engine.data.readers import READERS
from engine.data.readers.cells import LONGEST_ID, MISSING
from engine.data.readers.custom_columns import USUAL_NAMES
from engine.data.readers.interface import dropped

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "data.md").read_text(encoding="utf-8")
SAMPLE = re.compile(r"<!-- sample: (\S+) (\S+) -->\n```\n(.*?)```", re.DOTALL)
NAMED = {
    "plays.csv": Columns(user="listener", item="track"),
    "plays.parquet": Columns(user="listener", item="track"),
}


def samples(folder: Path) -> Iterator[tuple[str, Path]]:
    """Yield the data set name and the file of each sample, in page order."""
    for name, file_name, content in SAMPLE.findall(PAGE):
        path = folder / file_name
        path.write_text(content, encoding="utf-8")
        yield name, path
    pd.read_csv(folder / "plays.csv", dtype={"track": str}).to_parquet(folder / "plays.parquet")
    yield "csv", folder / "plays.parquet"


def line_of(name: str, path: Path | None) -> str:
    """Return the table row of a sample, or of generated data with default settings."""
    columns = NAMED.get(path.name) if path else None
    frame = READERS[name].read(
        DataConfig(dataset_name=name, dataset_path=str(path) if path else None, columns=columns)  # type: ignore[arg-type]
    )
    rated, times = frame["rating"].dropna(), frame.get("timestamp")
    cells = [
        name,
        path.name if path else "",
        len(frame),
        ", ".join(f"{count} {reason}" for reason, count in dropped(frame).items()) or 0,
        frame["user"].nunique(),
        frame["item"].nunique(),
        len(rated),
        f"{rated.min():g} – {rated.max():g}" if len(rated) else "",
        "" if times is None else f"{times.min()} – {times.max()}",
    ]
    return "| " + " | ".join(map(str, cells)) + " |"


def test_the_table_of_formats_agrees_with_the_readers(tmp_path: Path) -> None:
    lines = [line_of(name, path) for name, path in samples(tmp_path)]
    lines += [line_of(name, None) for name in ("random", "synthetic")]
    assert "\n".join(lines) in PAGE
    assert {line.split()[1] for line in lines} == set(READERS)


def test_all_common_column_names_are_listed() -> None:
    for column, usual in USUAL_NAMES.items():
        assert f"  - {column}: {', '.join(f'`{name}`' for name in usual.split())}" in PAGE


def test_the_limits_agree_with_the_code() -> None:
    assert f"up to {LONGEST_ID} characters" in PAGE
    assert all(f"`{text}`" in PAGE for text in MISSING)


@pytest.mark.data
@pytest.mark.parametrize(("name", "place"), [("ml-100k", "ml-100k/u.data"), ("csv", "beauty/beauty.txt")])
def test_the_table_of_complete_data_sets_agrees_with_the_readers(
    name: str, place: str, data_dir: Path
) -> None:
    path = data_dir / place
    frame = READERS[name].read(DataConfig(dataset_name=name, dataset_path=str(path)))  # type: ignore[arg-type]
    counts = (len(frame), frame["user"].nunique(), frame["item"].nunique())
    assert f"| {name} | {path.name} | " + " | ".join(f"{count:,}" for count in counts) + " |" in PAGE
