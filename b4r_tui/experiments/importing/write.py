"""Writes imported experiments as TOML: to a new file, or into an existing one whose comments are preserved."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tomlkit
from tomlkit.items import Table

from b4r_tui.experiments.importing.mapping import Imported, Settings
from engine.contract.errors import B4RError

DIFFERENCES = """\
Differences from the original that no setting restores:
- Feed-forward layers: ReLU there, GELU here. Item embeddings: initialised uniformly in ±1 there, normal (0.02) here.
- Adam with L2 there, AdamW here; in dmp on CPU row-wise Adagrad for the item table, at 5 × lr (training.embedding_lr).
- Layer norm: over positions and width together there, over the width here.
- Masks: drawn once before training there, redrawn in every epoch here, at least one per sequence.
- A masked item becomes the mask token (80 %) or a random item (20 %) there; here 80 %, 10 %, and unchanged in 10 %.
- Tested epoch: the last there, the best on validation here; every random number is seeded here.
- Sampled negatives: by popularity over all interactions there, over training ones here; no dropout in tests here."""


def new_text(imported: Sequence[Imported], sources: Sequence[str]) -> str:
    """Return a complete experiments file. sources: names of the scripts."""
    document = tomlkit.document()
    document.add(
        tomlkit.comment(f"Imported by `b4r-tui import` from {', '.join(sources)}. Every flag is listed, with")
    )
    document.add(tomlkit.comment("the original's default where the script does not set it."))
    document.add(tomlkit.comment(""))
    for line in DIFFERENCES.splitlines():
        document.add(tomlkit.comment(line))
    document.add(tomlkit.nl())
    experiments = tomlkit.table(is_super_table=True)
    document.add("experiments", experiments)
    _fill(experiments, imported)
    return tomlkit.dumps(document).rstrip("\n") + "\n"


def merged_text(text: str, file: str, imported: Sequence[Imported]) -> str:
    """Return `text`, an experiments file, with the imported ones appended. Raises B4RError on a name clash."""
    try:
        document = tomlkit.parse(text)
    except ValueError as error:
        raise B4RError(f"{file}: not valid TOML: {error}") from error
    experiments = document.get("experiments", {})
    if not isinstance(experiments, dict):
        raise B4RError(f"{file}: experiments: is not a table; write [experiments.NAME]")
    clashes = [each.name for each in imported if each.name in experiments]
    if clashes:
        raise B4RError(f"{file}: already has an experiment '{clashes[0]}'; choose another name with --name")
    table = tomlkit.table(is_super_table=True)
    _fill(table, imported)
    added = tomlkit.document()
    added.add("experiments", table)
    merged = text.rstrip("\n") + "\n\n" + tomlkit.dumps(added) if text.strip() else tomlkit.dumps(added)
    return _still_toml(merged.rstrip("\n") + "\n", file)


def shadowed(text: str, settings: Settings) -> list[str]:
    """Return settings in [defaults] of a file that the imported experiment does not set itself."""
    defaults = tomlkit.parse(text).unwrap().get("defaults", {})
    return [
        f"{group}.{key}"
        for group, table in defaults.items()
        if isinstance(table, dict)
        for key in table
        if key not in settings.get(group, {})
    ]


def _still_toml(text: str, file: str) -> str:
    """Return `text`, which is not valid TOML if `experiments` was an inline table or written as dotted keys."""
    try:
        tomlkit.parse(text)
    except ValueError as error:
        raise B4RError(
            f"{file}: its experiments are not tables [experiments.NAME]; rewrite them so, or import into another file"
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
