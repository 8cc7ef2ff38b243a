"""Matching of address texts in its first form: equal after normalisation, or not at all. What is doubtful is refused."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

import numpy as np

from gisapp.services.importing.importer import Batch, Context
from gisapp.store import importing as store

_DROPPED = re.compile(r"[\s,，、。;；]+")
_HOUSE = re.compile(r"(栋|座|号楼)")
_ROOM = re.compile(r"(?:(?P<unit>[0-9一二三四五六七八九十]+|[a-z])单元)?(?P<room>[0-9a-z][0-9a-z-]*)室?$")
_DIGITS = {c: i for i, c in enumerate("一二三四五六七八九", 1)} | {"十": 10}


def normal_address(text: str) -> str:
    """An address without blanks, commas and differences of width and case; 栋, 座 and 号楼 become 幢."""
    return _HOUSE.sub("幢", _DROPPED.sub("", unicodedata.normalize("NFKC", text).casefold()))


def region_prefix(names: Sequence[str]) -> str:
    """Regular expression (the same for Python and PostgreSQL) of region names that may stand before an address."""
    plain = sorted({normal_address(name) for name in names if len(name) >= 2}, key=lambda n: (-len(n), n))
    return f"^({'|'.join(re.escape(n) for n in plain)})+" if plain else "^$"


def compose(road: str, plate: str, estate: str, building_no: str, unit: str, room: str) -> str:
    """An address text from its parts, in their order; bare numbers get their word."""
    words = ((plate, "号"), (estate, ""), (building_no, "幢"), (unit, "单元"), (room, "室"))
    return road + "".join(part + word if part.isdigit() else part for part, word in words)


def split_room(text: str) -> tuple[str, int | None, str] | None:
    """A normalised address as (up to the building, number of the unit or None, room); None if it names no room."""
    match = _ROOM.search(text)
    if match is None or not match.start():
        return None
    unit = match.group("unit")
    number = None
    if unit is not None:
        number = (
            int(unit) if unit.isdigit() else _DIGITS.get(unit, ord(unit[0]) - 96 if unit.isascii() else None)
        )
    return text[: match.start()], number, match.group("room")


def match_addresses(context: Context, texts: Sequence[str]) -> dict[str, store.KnownAddress]:
    """Stored addresses for normalised texts, with or without the names of regions before them."""
    prefix = region_prefix(store.region_names(context.connection))
    bare = {text: re.sub(prefix, "", text) for text in set(texts)}
    found = store.addresses_of(context.connection, sorted(set(bare.values())), prefix)
    return {text: found[plain] for text, plain in bare.items() if plain in found}


def building_links(batch: Batch, context: Context) -> list[int | None]:
    """The building on whose ground each row lies; such a row takes the building's place key, which may differ from its
    own where a building stands on the border of two grids."""
    links: list[int | None] = [None] * len(batch)
    at = np.flatnonzero(np.isfinite(batch.lon))
    found = store.buildings_at(context.connection, batch.lon[at], batch.lat[at])
    for i, (building, place) in found.items():
        links[int(at[i])] = building
        batch.place[int(at[i])] = place
    return links
