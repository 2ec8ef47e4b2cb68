"""Add, duplicate, rename and delete experiments in a TOML text; comments stay with what they belong to."""

from __future__ import annotations

import itertools
import re
from collections.abc import Collection
from typing import Any

from b4r_tui.experiments.editing.keys import (
    insert_lines,
    newline_of,
    set_key,
    span_with_comments,
    to_toml,
    unset_key,
)
from b4r_tui.experiments.editing.layout import Layout, Pair, Part, Path, Section, layout_of, parse_toml
from b4r_tui.experiments.file_problem import dotted
from b4r_tui.experiments.toml_lines import toml_lines
from engine.contract.config.experiment import NAME_PATTERN
from engine.contract.errors import B4RError


def names_in(text: str) -> list[str]:
    """Return the names of the experiments of a text, in order."""
    table = parse_toml(text).get("experiments")
    return list(table) if isinstance(table, dict) else []


def free_name(base: str, taken: Collection[str]) -> str:
    """Return `base`, with the first number appended that makes it unique if it is taken."""
    return next(
        name
        for number in itertools.count(1)
        if (name := base if number == 1 else f"{base}-{number}") not in taken
    )


def name_problem(name: str, taken: Collection[str]) -> str | None:
    """Return a sentence on why an experiment cannot have this name, or None if it can."""
    if not NAME_PATTERN.fullmatch(name):
        return f"invalid experiment name {name!r}; use up to 100 letters, digits, '.', '_' or '-', no leading dot"
    return f"an experiment '{name}' already exists; choose another name" if name in taken else None


def add_experiment(text: str, name: str, settings: dict[str, Any], after: str | None = None) -> str:
    """Return the text with a new experiment below `after`, or at the end. settings: values by dotted key."""
    _raise_if(name_problem(name, names_in(text)))
    layout = layout_of(text)
    if layout.pair(("experiments",)):  # an inline table
        return set_key(text, ("experiments", name), to_toml(settings))
    lines = [f"[{dotted(('experiments', name))}]"]
    lines += [f"{key} = {to_toml(value)}" for key, value in settings.items()]
    return _checked(_with_block(layout, _place_below(layout, after), lines), name, names_in(text))


def duplicate(text: str, name: str, copy: str) -> str:
    """Return the text with a copy of an experiment, comments included, right below it."""
    _raise_if(name_problem(copy, names_in(text)))
    layout = layout_of(text)
    sections = _sections_of(layout, name)
    if sections and not _pairs_elsewhere(layout, name):
        lines = toml_lines(_renamed(_copied(layout, sections), name, copy))
        new = _with_block(layout, _place_below(layout, name), lines)
    else:
        new = set_key(text, ("experiments", copy), to_toml(parse_toml(text)["experiments"][name]))
    before, after = parse_toml(text)["experiments"], parse_toml(new)["experiments"]
    _raise_if(
        None
        if after == {**before, copy: before[name]}
        else f"'{name}' cannot be copied; edit the text instead"
    )
    return new


def rename(text: str, old: str, new: str) -> str:
    """Return the text with an experiment renamed, also in the `extends` of others."""
    if old == new:
        return text
    _raise_if(name_problem(new, names_in(text)))
    return _checked(_renamed(text, old, new), new, [name for name in names_in(text) if name != old])


def delete(text: str, name: str) -> str:
    """Return the text without an experiment. Those that extend it become invalid."""
    return unset_key(text, ("experiments", name), comments=True)


def children_of(text: str, name: str) -> list[str]:
    """Return the names of the experiments that extend this one directly."""
    tables = parse_toml(text).get("experiments", {})
    return [
        child for child, table in tables.items() if isinstance(table, dict) and table.get("extends") == name
    ]


def _sections_of(layout: Layout, name: str) -> list[Section]:
    return [section for section in layout.sections[1:] if section.path[:2] == ("experiments", name)]


def _pairs_elsewhere(layout: Layout, name: str) -> list[Pair]:
    """Return the pairs of an experiment that are outside its own sections."""
    owners = [section.path[:2] for section in layout.sections]
    return [
        pair
        for pair in layout.pairs
        if pair.path[:2] == ("experiments", name) and owners[pair.section] != ("experiments", name)
    ]


def _place_below(layout: Layout, name: str | None) -> int:
    """Return the offset below the last section of an experiment; the end of the file if it has none."""
    sections = _sections_of(layout, name) if name is not None else []
    return span_with_comments(layout, sections[-1])[1] if sections else len(layout.data)


def _with_block(layout: Layout, place: int, lines: list[str]) -> str:
    """Return the text with lines inserted, a blank line before them and, if more text follows, after them."""
    before, after = layout.data[:place], layout.data[place:]
    blank = [""] if before.strip() and not re.search(rb"\n\s*\n\Z", before) else []
    follows = [""] if after.strip() and after.split(b"\n", 1)[0].strip() else []
    return insert_lines(layout.data, place, [*blank, *lines, *follows])


def _copied(layout: Layout, sections: list[Section]) -> str:
    """Return the text of sections, with the blank lines between them but nothing else that is between them."""
    data, text, last = layout.data, b"", -1
    for section in sections:
        start, end = span_with_comments(layout, section)
        between = data[last:start] if 0 <= last <= start else b""
        text += (between if last < 0 or not between.strip() else newline_of(data)) + data[start:end]
        last = end
    return text.decode()


def _renamed(text: str, old: str, new: str) -> str:
    layout = layout_of(text)
    owners: list[Section | Pair] = [*layout.sections, *layout.pairs]
    edits = [
        (part.start, part.end, dotted((new,)))
        for owner in owners
        if (part := _name_part(owner.path, owner.parts, old))
    ]
    edits += [
        (*pair.value, to_toml(new))
        for pair in layout.pairs
        if len(pair.path) == 3
        and pair.path[0::2] == ("experiments", "extends")
        and parse_toml(f"v = {layout.data[slice(*pair.value)].decode()}")["v"] == old
    ]
    data = layout.data
    for start, end, replacement in sorted(edits, reverse=True):
        data = data[:start] + replacement.encode() + data[end:]
    return data.decode()


def _name_part(path: Path, parts: tuple[Part, ...], name: str) -> Part | None:
    """Return the part of a key that is the experiment's name, if the key contains it."""
    place = 1 - (len(path) - len(parts))
    return parts[place] if path[:2] == ("experiments", name) and place >= 0 else None


def _checked(text: str, name: str, others: list[str]) -> str:
    """Return the text if it contains exactly these experiments. Raises B4RError if not."""
    if sorted(names_in(text)) != sorted([*others, name]):
        raise B4RError(f"'{name}' cannot be added in place; edit the text instead")
    return text


def _raise_if(problem: str | None) -> None:
    if problem:
        raise B4RError(problem)
