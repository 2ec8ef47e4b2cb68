"""Set and unset one key of a TOML text by changing only the line that it is on.

Positions come from `layout`; every change is verified by parsing the new text before it is returned.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from typing import Any

import tomli
import tomlkit

from b4r_tui.experiments.editing.layout import (
    Layout,
    Pair,
    Path,
    Section,
    layout_of,
    line_end,
    line_start,
    parse_toml,
)
from b4r_tui.experiments.file_problem import dotted
from engine.contract.errors import B4RError

_FIRST_KEYS = ("extends", "description")  # go right below the header of an experiment
_LINE_SEPARATORS = re.compile(
    "[\x85\u2028\u2029]"
)  # allowed in a TOML string, but many programs break lines at them


def to_toml(value: Any) -> str:
    """Return a value as TOML on one line; what other programs may take for a line end is escaped."""
    text = tomlkit.item(_inline(value)).as_string()
    return _LINE_SEPARATORS.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def set_key(text: str, path: Path, literal: str) -> str:
    """Return the text with `path` set to the TOML value `literal`; all other lines stay the same.

    Raises B4RError if the text or the literal is not valid TOML, or if a parent of `path` is not a table.
    """
    before, value = parse_toml(text), parse_toml(f"value = {literal}")["value"]
    wanted = _with(before, path, value)
    if layout_of(text).pair(path) is None and _has(before, path):
        text = unset_key(text, path)  # a table, written in several places
    for candidate in _settings(layout_of(text), path, literal):
        if _reads_as(candidate, wanted):
            return candidate
    raise B4RError(f"{dotted(path)} cannot be set in place; edit the text instead")


def unset_key(text: str, path: Path, comments: bool = False) -> str:
    """Return the text without `path` and everything below it.

    comments: also remove the comments attached to its sections. Raises B4RError if the text is not valid TOML.
    """
    wanted = _without(parse_toml(text), path)
    while span := (comments and _section_span(layout_of(text), path)) or _next_removal(layout_of(text), path):
        start, end = span
        data = text.encode()
        text = (data[:start] + data[end:]).decode()
    if not _reads_as(text, wanted):
        raise B4RError(f"{dotted(path)} cannot be removed in place; edit the text instead")
    return text


def span_with_comments(layout: Layout, section: Section) -> tuple[int, int]:
    """Return the byte span of a section, including the comments right above its header and right below its pairs."""
    data, start, end = layout.data, section.start, section.end
    while start and _is_comment(data, above := line_start(data, start - 1)):
        start = above
    below = end
    while below < len(data) and _is_comment(data, below):
        below = line_end(data, below)
    touches_next = any(other.start == below for other in layout.sections[1:])
    return start, end if touches_next else below


def newline_of(data: bytes) -> bytes:
    """Return the line end that this text uses."""
    return b"\r\n" if b"\r\n" in data else b"\n"


def insert_lines(data: bytes, place: int, lines: list[str]) -> str:
    """Return the text with lines inserted at `place`, the start of a line."""
    end = newline_of(data)
    before = data[:place] + (end if place and not data[:place].endswith(b"\n") else b"")
    return (before + b"".join(line.encode() + end for line in lines) + data[place:]).decode()


# setting ---------------------------------------------------------------------------------------


def _settings(layout: Layout, path: Path, literal: str) -> Iterator[str]:
    """Yield candidate texts that set the key, the most natural one first."""
    data = layout.data
    if pair := layout.pair(path):
        start, end = pair.value
        yield (data[:start] + literal.encode() + data[end:]).decode()
    around = [
        each for each in layout.pairs if each.kind == "inline_table" and path[: len(each.path)] == each.path
    ]
    if around:
        yield _into_inline(layout, max(around, key=lambda each: len(each.path)), path, literal)
    if _needs_header(layout, path):
        yield with_header(layout, path, literal)
    holders = [
        number for number, section in enumerate(layout.sections) if _may_hold(layout, number, section, path)
    ]
    for number in sorted(holders, key=lambda each: -len(layout.sections[each].path)):
        yield _into_section(layout, number, path, literal)
    yield with_header(layout, path, literal)


def _may_hold(layout: Layout, number: int, section: Section, path: Path) -> bool:
    """Return whether the key can be a line of a section; of the root only if related keys are there already."""
    if number == 0:
        return any(pair.path[:1] == path[:1] for pair in layout.own_pairs(0))
    return len(section.path) < len(path) and path[: len(section.path)] == section.path


def _needs_header(layout: Layout, path: Path) -> bool:
    """Return whether this experiment writes its groups as sections and has none for the group of this key yet."""
    depth = _owner_depth(path)
    if len(path) < depth + 2:
        return False
    headers = [section.path for section in layout.sections if section.path[:depth] == path[:depth]]
    if any(pair.path[: depth + 1] == path[: depth + 1] for pair in layout.pairs):
        return False
    if any(header[: depth + 1] == path[: depth + 1] for header in headers):
        return False
    return path[:depth] not in headers or any(len(header) > depth for header in headers)


def _owner_depth(path: Path) -> int:
    return 1 if path[0] == "defaults" else 2


def _into_section(layout: Layout, number: int, path: Path, literal: str) -> str:
    """Return the text with the key as a line of a section, below the most closely related key."""
    section, data = layout.sections[number], layout.data
    key = path[len(section.path) :]
    near = layout.own_pairs(number)
    related = [pair for pair in near if _common_length(pair.path, path) > len(section.path)]
    nearest = related or near
    anchor = nearest[-1] if nearest else None
    if len(key) == 1 and key[0] in _FIRST_KEYS:
        first = [pair for pair in near if pair.path[-1] == "extends" and len(pair.parts) == 1]
        anchor = first[0] if first and key[0] != "extends" else None
    place = line_end(data, anchor.end) if anchor else section.head_end
    return insert_lines(data, place, [f"{_indent(data, near)}{dotted(key)} = {literal}"])


def _indent(data: bytes, pairs: list[Pair]) -> str:
    """Return the indentation of the last of these pairs."""
    if not pairs:
        return ""
    return data[line_start(data, pairs[-1].start) : pairs[-1].start].decode()


def with_header(layout: Layout, path: Path, literal: str) -> str:
    """Return the text with a new section for the key's group, below the sections of the same experiment."""
    depth = min(_owner_depth(path) + 1, len(path) - 1)
    header, key = path[:depth], path[depth:]
    owner = path[: _owner_depth(path)]
    same = [section for section in layout.sections[1:] if section.path[: len(owner)] == owner]
    place = span_with_comments(layout, same[-1])[1] if same else len(layout.data)
    blank = [""] if layout.data[:place].strip() else []
    follows = (
        [""] if layout.data[place:].strip() and not layout.data[place:].startswith((b"\n", b"\r\n")) else []
    )
    return insert_lines(
        layout.data, place, [*blank, f"[{dotted(header)}]", f"{dotted(key)} = {literal}", *follows]
    )


def _into_inline(layout: Layout, table: Pair, path: Path, literal: str) -> str:
    """Return the text with the key added to an inline table."""
    data, (start, end) = layout.data, table.value
    inner = data[start + 1 : end - 1]
    pair = f"{dotted(path[len(table.path) :])} = {literal}".encode()
    filled = inner.rstrip() + b", " + pair + b" " if inner.strip() else b" " + pair + b" "
    if inner.strip() and not inner[-1:].isspace():
        filled = filled.rstrip()
    return (data[: start + 1] + filled + data[end - 1 :]).decode()


# unsetting -------------------------------------------------------------------------------------


def _section_span(layout: Layout, path: Path) -> tuple[int, int] | None:
    """Return the span of the first section of `path`, its comments included."""
    for section in layout.sections[1:]:
        if section.path[: len(path)] == path:
            return _with_blank_lines(layout.data, *span_with_comments(layout, section))
    return None


def _next_removal(layout: Layout, path: Path) -> tuple[int, int] | None:
    """Return the next span to remove so that `path` disappears: its lines first, then headers without lines."""
    depth = len(path)
    for pair in layout.pairs:
        if pair.path[:depth] == path:
            if pair.inside:
                return _from_inline(layout.data, pair)
            return line_start(layout.data, pair.start), line_end(layout.data, pair.end)
    for section in layout.sections[1:]:
        if section.path[:depth] == path:
            return section.start, section.head_end
    return None


def _with_blank_lines(data: bytes, start: int, end: int) -> tuple[int, int]:
    """Extend a span by the blank lines below it if there are blank lines above it too."""
    if start == 0 or not data[line_start(data, start - 1) : start].strip():
        while end < len(data) and not data[end : line_end(data, end)].strip():
            end = line_end(data, end)
    return start, end


def _from_inline(data: bytes, pair: Pair) -> tuple[int, int]:
    """Return the span of a pair of an inline table and the comma that separates it from its neighbour."""
    start, end = pair.start, pair.end
    after = end + len(data[end:]) - len(data[end:].lstrip())
    if data[after : after + 1] == b",":
        after += 1
        return start, after + len(data[after:]) - len(data[after:].lstrip())
    before = data[:start].rstrip()
    return (len(before) - 1 if before.endswith(b",") else start), end


# values ----------------------------------------------------------------------------------------


def _reads_as(text: str, wanted: dict[str, Any]) -> bool:
    """Return whether a text parses to these values, ignoring empty tables."""
    try:
        return bool(_pruned(tomli.loads(text)) == _pruned(wanted))
    except tomli.TOMLDecodeError:
        return False


def _pruned(table: dict[str, Any]) -> dict[str, Any]:
    small = {
        key: _pruned(value) if isinstance(value, dict) else _with_type(value) for key, value in table.items()
    }
    return {key: value for key, value in small.items() if value != {}}


def _with_type(value: Any) -> Any:
    """Return a value that equals another only if both have the same type: 1 is neither 1.0 nor true."""
    return (
        [_with_type(item) for item in value]
        if isinstance(value, list)
        else (type(value).__name__, repr(value))
    )


def _has(table: Any, path: Path) -> bool:
    for part in path:
        if not isinstance(table, dict) or part not in table:
            return False
        table = table[part]
    return True


def _with(table: dict[str, Any], path: Path, value: Any) -> dict[str, Any]:
    """Return a copy with one more value. Raises B4RError if a parent is not a table."""
    result = copy.deepcopy(table)
    inner = result
    for length, part in enumerate(path[:-1], 1):
        inner = inner.setdefault(part, {})
        if not isinstance(inner, dict):
            raise B4RError(f"{dotted(path[:length])} is not a table; fix it in the text first")
    inner[path[-1]] = value
    return result


def _without(table: dict[str, Any], path: Path) -> dict[str, Any]:
    result = copy.deepcopy(table)
    inner: Any = result
    for part in path[:-1]:
        inner = inner.get(part, {}) if isinstance(inner, dict) else {}
    if isinstance(inner, dict):
        inner.pop(path[-1], None)
    return result


def _common_length(one: Path, other: Path) -> int:
    """Return the length of the common prefix of two paths."""
    return next(
        (place for place, (a, b) in enumerate(zip(one, other, strict=False)) if a != b),
        min(len(one), len(other)),
    )


def _is_comment(data: bytes, place: int) -> bool:
    return data[place : line_end(data, place)].lstrip().startswith(b"#")


def _inline(value: Any) -> Any:
    """Return a table as an inline table; tomlkit would write a section."""
    if not isinstance(value, dict):
        return value
    table = tomlkit.inline_table()
    for key, inner in value.items():
        table.append(key, _inline(inner))
    return table
