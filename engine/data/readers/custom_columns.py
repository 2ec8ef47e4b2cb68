"""Assigns the columns of custom data: as `data.columns` says, else by their usual names."""

from __future__ import annotations

from engine.contract.config.data import Columns
from engine.contract.config.validation import nearest
from engine.contract.errors import B4RError
from engine.data.readers.interface import COLUMNS

USUAL_NAMES = {
    "user": "user userid uid reviewerid customerid visitorid sessionid",
    "item": "item itemid iid movieid productid asin parentasin bookid trackid songid artistid businessid work",
    "rating": "rating ratings stars score overall",
    "timestamp": "timestamp time unixtime unixreviewtime ts date datetime",
}
_NAMES = {name: frozenset(usual.split()) for name, usual in USUAL_NAMES.items()}


def has_header(first: list[str], columns: Columns) -> bool:
    """Return whether the first line of a text file is a header.

    It is if `data.columns` has names, or if it contains a usual name of a user or item column that `data.columns`
    does not set. If both are set by position, it is a header if both positions have usual names.
    """
    if any(isinstance(getattr(columns, name), str) for name in COLUMNS):
        return True
    unset = [name for name in ("user", "item") if getattr(columns, name) is None]
    if unset:
        return any(_is_usual(first, name, None) for name in unset)
    return all(_is_usual(first, name, getattr(columns, name)) for name in ("user", "item"))


def find_columns(names: list[str], columns: Columns, where: str) -> dict[str, int]:
    """Return the position of each of COLUMNS that exists among columns with these names.

    where: the file, or its first line, for messages. Raises B4RError that names the setting to change.
    """
    positions = {
        name: place
        for name in COLUMNS
        if (place := _place(name, names, getattr(columns, name), where)) is not None
    }
    check_positions(positions, names, where)
    return positions


def check_positions(positions: dict[str, int], names: list[str], where: str) -> None:
    """Raise B4RError unless there are a user and an item column, and all columns differ."""
    for name in ("user", "item"):
        if name not in positions:
            raise B4RError(
                f"{where}: no {name} column found among {_listed(names)}; "
                f"set data.columns.{name} to its name, or to its position if the file has no header"
            )
    for name, place in positions.items():
        same = [other for other in positions if other != name and positions[other] == place]
        if same:
            raise B4RError(f"{where}: {names[place]!r} is both {name} and {same[0]}; fix data.columns.{name}")


def at_position(name: str, place: int, width: int, where: str) -> int:
    """Return the position if it exists. Raises B4RError otherwise."""
    if place >= width:
        raise B4RError(
            f"{where}: position {place} (counted from 0) is out of range, there are {width} columns; fix "
            f"data.columns.{name}"
        )
    return place


def _place(name: str, names: list[str], chosen: int | str | None, where: str) -> int | None:
    if isinstance(chosen, int):
        return at_position(name, chosen, len(names), where)
    if isinstance(chosen, str):
        places = [place for place, other in enumerate(names) if other == chosen]
        if not places:
            raise B4RError(
                f"{where}: has no column {chosen!r} for data.columns.{name}; {nearest(chosen, names)}"
            )
    else:
        places = [place for place, other in enumerate(names) if _normalised(other) in _NAMES[name]]
    if len(places) > 1:
        several = _listed([names[place] for place in places])
        raise B4RError(f"{where}: several {name} columns: {several}; set data.columns.{name} to one of them")
    return places[0] if places else None


def _is_usual(first: list[str], name: str, place: int | None) -> bool:
    fields = first if place is None else first[place : place + 1]
    return any(_normalised(field) in _NAMES[name] for field in fields)


def _normalised(name: str) -> str:
    return name.lower().replace("_", "").replace("-", "").replace(" ", "")


def _listed(names: list[str]) -> str:
    shown = [name if len(name) <= 40 else name[:37] + "..." for name in names[:8]]
    return ", ".join(shown) + (", ..." if len(names) > 8 else "")
