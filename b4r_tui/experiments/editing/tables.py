"""Whole experiments as text: new, duplicated, extended, renamed, deleted; comments go with what they stand at."""

from __future__ import annotations

import itertools
import re
from collections.abc import Collection
from typing import Any

from b4r_tui.experiments.editing.keys import newline_of, segment, set_key, spliced, unset_key, written
from b4r_tui.experiments.editing.layout import Layout, Pair, Part, Path, Section, layout_of, parsed
from b4r_tui.experiments.file_problem import dotted
from engine.contract.config.experiment import NAME_PATTERN
from engine.contract.errors import B4RError


def names_in(text: str) -> list[str]:
    """The experiments of a text, in its order."""
    table = parsed(text).get("experiments")
    return list(table) if isinstance(table, dict) else []


def free_name(base: str, taken: Collection[str]) -> str:
    """`base`, or with the first number that makes it a new name."""
    return next(
        name
        for number in itertools.count(1)
        if (name := base if number == 1 else f"{base}-{number}") not in taken
    )


def name_fault(name: str, taken: Collection[str]) -> str | None:
    """Why an experiment cannot be called so, as a sentence, or None."""
    if not NAME_PATTERN.fullmatch(name):
        return f"{name!r} is no experiment name; use up to 100 letters, digits, '.', '_' or '-', no dot first"
    return f"there is an experiment '{name}' already; choose another name" if name in taken else None


def add_experiment(text: str, name: str, settings: dict[str, Any], after: str | None = None) -> str:
    """The text with a new experiment below `after`, or at the end. settings: dotted keys and their values."""
    _refuse(name_fault(name, names_in(text)))
    layout = layout_of(text)
    if layout.pair(("experiments",)):  # the whole table on one line
        return set_key(text, ("experiments", name), written(settings))
    lines = [f"[{dotted(('experiments', name))}]"]
    lines += [f"{key} = {written(value)}" for key, value in settings.items()]
    return _checked(_block(layout, _place_below(layout, after), lines), name, names_in(text))


def duplicate(text: str, name: str, copy: str) -> str:
    """The text with a copy of an experiment, comments too, right below it."""
    _refuse(name_fault(copy, names_in(text)))
    layout = layout_of(text)
    sections = _sections_of(layout, name)
    if sections and not _loose_pairs(layout, name):
        new = _block(
            layout, _place_below(layout, name), _renamed(_copied(layout, sections), name, copy).splitlines()
        )
    else:
        new = set_key(text, ("experiments", copy), written(parsed(text)["experiments"][name]))
    before, after = parsed(text)["experiments"], parsed(new)["experiments"]
    _refuse(
        None
        if after == {**before, copy: before[name]}
        else f"'{name}' cannot be copied; edit the text instead"
    )
    return new


def rename(text: str, old: str, new: str) -> str:
    """The text with an experiment under another name; those that extend it follow."""
    if old == new:
        return text
    _refuse(name_fault(new, names_in(text)))
    return _checked(_renamed(text, old, new), new, [name for name in names_in(text) if name != old])


def delete(text: str, name: str) -> str:
    """The text without an experiment. Those that extend it stay as they are, and will be found at fault."""
    return unset_key(text, ("experiments", name), comments=True)


def heirs_of(text: str, name: str) -> list[str]:
    """The experiments that extend this one directly."""
    tables = parsed(text).get("experiments", {})
    return [
        heir for heir, table in tables.items() if isinstance(table, dict) and table.get("extends") == name
    ]


def _sections_of(layout: Layout, name: str) -> list[Section]:
    return [section for section in layout.sections[1:] if section.path[:2] == ("experiments", name)]


def _loose_pairs(layout: Layout, name: str) -> list[Pair]:
    """What is written of an experiment outside its own sections."""
    owners = [section.path[:2] for section in layout.sections]
    return [
        pair
        for pair in layout.pairs
        if pair.path[:2] == ("experiments", name) and owners[pair.section] != ("experiments", name)
    ]


def _place_below(layout: Layout, name: str | None) -> int:
    """The byte below the last section of an experiment; the end of the file where it has none."""
    sections = _sections_of(layout, name) if name is not None else []
    return segment(layout, sections[-1])[1] if sections else len(layout.data)


def _block(layout: Layout, place: int, lines: list[str]) -> str:
    """The text with lines put in, a blank line before and, where more text follows, after them."""
    before, after = layout.data[:place], layout.data[place:]
    blank = [""] if before.strip() and not re.search(rb"\n\s*\n\Z", before) else []
    follows = [""] if after.strip() and after.split(b"\n", 1)[0].strip() else []
    return spliced(layout.data, place, [*blank, *lines, *follows])


def _copied(layout: Layout, sections: list[Section]) -> str:
    """The text of sections, with what stands between them where that is only blank lines."""
    data, text, last = layout.data, b"", -1
    for section in sections:
        start, end = segment(layout, section)
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
        (*pair.value, written(new))
        for pair in layout.pairs
        if len(pair.path) == 3
        and pair.path[0::2] == ("experiments", "extends")
        and parsed(f"v = {layout.data[slice(*pair.value)].decode()}")["v"] == old
    ]
    data = layout.data
    for start, end, said in sorted(edits, reverse=True):
        data = data[:start] + said.encode() + data[end:]
    return data.decode()


def _name_part(path: Path, parts: tuple[Part, ...], name: str) -> Part | None:
    """The part of a written key that is the experiment's name, if the key has it."""
    place = 1 - (len(path) - len(parts))
    return parts[place] if path[:2] == ("experiments", name) and place >= 0 else None


def _checked(text: str, name: str, others: list[str]) -> str:
    """The text, once it is proved to hold these experiments."""
    if sorted(names_in(text)) != sorted([*others, name]):
        raise B4RError(f"'{name}' cannot be written there; edit the text instead")
    return text


def _refuse(fault: str | None) -> None:
    if fault:
        raise B4RError(fault)
