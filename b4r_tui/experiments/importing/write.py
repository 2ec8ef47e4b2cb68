"""Writes imported experiments as TOML: a new file, or beside the experiments of one, whose comments stay."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tomlkit
from tomlkit.items import Table

from b4r_tui.experiments.importing.mapping import Imported, Settings
from engine.contract.errors import B4RError

DIFFERENCES = """\
What the original does otherwise, and no setting brings back:
- feed-forward layers use ReLU there, GELU here; items begin uniform in ±1 there, normal with 0.02 here.
- Adam with L2 there, AdamW here; in dmp on CPU the item table has row-wise Adagrad, at 5 × lr (training.embedding_lr).
- Layer norm goes over positions and width together there, over the width here.
- Masks are drawn once, before training, there; anew in every epoch here, at least one a sequence.
- A masked item is the mask token in 80 % and a random item in 20 % of cases there; here 80, 10, and 10 % as it was.
- The last epoch is tested there; here the best on validation, and every number has its seed.
- Sampled negatives are by popularity of all interactions there, of training ones here; dropout is off in tests."""


def new_text(imported: Sequence[Imported], sources: Sequence[str]) -> str:
    """A whole experiments file. sources: names of the scripts."""
    document = tomlkit.document()
    document.add(
        tomlkit.comment(
            f"Made by `b4r-tui import` from {', '.join(sources)}. Every flag is written out, with"
        )
    )
    document.add(tomlkit.comment("the original's default where the script says nothing."))
    document.add(tomlkit.comment(""))
    for line in DIFFERENCES.splitlines():
        document.add(tomlkit.comment(line))
    document.add(tomlkit.nl())
    experiments = tomlkit.table(is_super_table=True)
    document.add("experiments", experiments)
    _fill(experiments, imported)
    return tomlkit.dumps(document).rstrip("\n") + "\n"


def merged_text(text: str, file: str, imported: Sequence[Imported]) -> str:
    """`text`, an experiments file, with the imported ones at its end. Raises B4RError on a clash of names."""
    try:
        document = tomlkit.parse(text)
    except ValueError as error:
        raise B4RError(f"{file}: not valid TOML: {error}") from error
    experiments = document.get("experiments", {})
    if not isinstance(experiments, dict):
        raise B4RError(f"{file}: experiments: is not a table; write [experiments.NAME]")
    clashes = [each.name for each in imported if each.name in experiments]
    if clashes:
        raise B4RError(f"{file}: has an experiment '{clashes[0]}' already; give another name with --name")
    table = tomlkit.table(is_super_table=True)
    _fill(table, imported)
    added = tomlkit.document()
    added.add("experiments", table)
    whole = text.rstrip("\n") + "\n\n" + tomlkit.dumps(added) if text.strip() else tomlkit.dumps(added)
    return _still_toml(whole.rstrip("\n") + "\n", file)


def shadowed(text: str, settings: Settings) -> list[str]:
    """Dotted settings of a file's [defaults] that the imported experiment does not say itself."""
    defaults = tomlkit.parse(text).unwrap().get("defaults", {})
    return [
        f"{group}.{key}"
        for group, table in defaults.items()
        if isinstance(table, dict)
        for key in table
        if key not in settings.get(group, {})
    ]


def _still_toml(text: str, file: str) -> str:
    """`text`, which cannot be TOML where `experiments` was an inline table or written as dotted keys."""
    try:
        tomlkit.parse(text)
    except ValueError as error:
        raise B4RError(
            f"{file}: its experiments are no tables [experiments.NAME]; write them so, or import into another file"
        ) from error
    return text


def _fill(experiments: Table, imported: Sequence[Imported]) -> None:
    for each in imported:
        experiments.add(each.name, _table(each))


def _table(imported: Imported) -> Table:
    table = tomlkit.table()
    for note in imported.notes:
        table.add(tomlkit.comment(note.sentence))
    if imported.experiment.description:
        table.add("description", imported.experiment.description)
    for group, values in imported.settings.items():
        table.add(group, _group(values))
    return table


def _group(values: dict[str, Any]) -> Table:
    table = tomlkit.table()
    for key, value in values.items():
        table.add(key, value)
    return table
