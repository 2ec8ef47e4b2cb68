"""Which column of one's own data is which: as `data.columns` says, else by the names that are usual."""

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
_KINDS = {name: frozenset(usual.split()) for name, usual in USUAL_NAMES.items()}


def has_header(first: list[str], columns: Columns) -> bool:
    """Whether the first line of a text holds names.

    It does where `data.columns` has names, or where it has a usual name of a user or item column that
    `data.columns` leaves open. With both given by position, a header is known by usual names at both.
    """
    if any(isinstance(getattr(columns, name), str) for name in COLUMNS):
        return True
    unset = [name for name in ("user", "item") if getattr(columns, name) is None]
    if unset:
        return any(_is_usual(first, name, None) for name in unset)
    return all(_is_usual(first, name, getattr(columns, name)) for name in ("user", "item"))


def find_columns(names: list[str], columns: Columns, where: str) -> dict[str, int]:
    """The position of each of COLUMNS that there is, among columns of these names.

    where: the file, or its first line, for sentences. Raises B4RError that says which setting mends it.
    """
    found = {
        name: place
        for name in COLUMNS
        if (place := _place(name, names, getattr(columns, name), where)) is not None
    }
    check_places(found, names, where)
    return found


def check_places(found: dict[str, int], names: list[str], where: str) -> None:
    """Raise B4RError unless there are a user and an item column, and all columns are different ones."""
    for name in ("user", "item"):
        if name not in found:
            raise B4RError(
                f"{where}: no column is known as the {name} (there are {_listed(names)}); "
                f"name it in data.columns.{name}, or give its position where the file has no header"
            )
    for name, place in found.items():
        same = [other for other in found if other != name and found[other] == place]
        if same:
            raise B4RError(
                f"{where}: {names[place]!r} is both {name} and {same[0]}; mend data.columns.{name}"
            )


def at_position(name: str, place: int, width: int, where: str) -> int:
    """The position, if there is such a column."""
    if place >= width:
        raise B4RError(
            f"{where}: has {width} columns, so none at position {place} counted from 0; mend data.columns.{name}"
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
        places = [place for place, other in enumerate(names) if _plain(other) in _KINDS[name]]
    if len(places) > 1:
        several = _listed([names[place] for place in places])
        raise B4RError(f"{where}: {several} could all be the {name}; name one in data.columns.{name}")
    return places[0] if places else None


def _is_usual(first: list[str], name: str, place: int | None) -> bool:
    fields = first if place is None else first[place : place + 1]
    return any(_plain(field) in _KINDS[name] for field in fields)


def _plain(name: str) -> str:
    return name.lower().replace("_", "").replace("-", "").replace(" ", "")


def _listed(names: list[str]) -> str:
    shown = [name if len(name) <= 40 else name[:37] + "..." for name in names[:8]]
    return ", ".join(shown) + (", ..." if len(names) > 8 else "")
