"""Bring derived data up to date after bulk changes: a demo load, an import, the publication of grids."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Connection

from gisapp.analytics.searching import grams, normalise, spelled
from gisapp.domain.codes import CJT214, GBT47678, component_types
from gisapp.domain.keys import Level
from gisapp.services import demand
from gisapp.store import case_density
from gisapp.store import derived as store

_NUMBERED = {"component", "grid_worker"}
"""Kinds that people know by their number: it stands before the place."""
_ABOVE = {15: 12, 12: 9, 9: 6, 6: 4, 4: 2}


def refresh(connection: Connection, prefixes: Sequence[str]) -> None:
    """Recompute all derived data of the places within some prefixes.

    Args:
        connection: its transaction is used; what the reader may not see stays as it is.
        prefixes: place keys or shorter prefixes; an empty text stands for everything.
    """
    prefixes = list(prefixes) or []
    if not prefixes:
        return
    store.refresh_population(connection, prefixes)
    store.refresh_density(connection, prefixes)
    refresh_search(connection, prefixes)
    # Last: whoever reports or closes a case meanwhile waits for the end of the transaction.
    demand.recount(connection, prefixes)
    case_density.recount(connection, prefixes)


def refresh_search(connection: Connection, prefixes: Sequence[str]) -> None:
    """Recompute the entries of the search within some prefixes."""
    store.hold(connection, prefixes)
    rows = store.searchable(connection, prefixes, _type_names())
    store.replace_entries(connection, _entries(rows, store.region_names(connection)), prefixes)


def refresh_entries(connection: Connection, kind: str, ids: Sequence[int]) -> None:
    """Recompute the entries of some things of one kind: for a new place, a renamed building."""
    rows = store.searchable(connection, [""], _type_names(), kind, ids)
    store.replace_entries(connection, _entries(rows, store.region_names(connection)), [""], kind, ids)


def _type_names() -> list[str]:
    """Names that say of a component only what its type says already."""
    return sorted(
        {entry.name for standard in (CJT214, GBT47678) for entry in component_types(standard).values()}
    )


def _entries(rows: Sequence[Any], names: dict[str, str]) -> Iterator[Sequence[str]]:
    wheres: dict[str, str] = {}
    for kind, subject, place, title, code, other, weight, geom in rows:
        key = normalise(title)
        # Other names are found as well, but never before the thing's own name.
        more = "".join(f"|{normalise(name)}" for name in other.split()) if other else ""
        pinyin, initials = spelled(title)
        above = place[: _ABOVE.get(len(place), 0)] if kind in ("region", "grid") else place
        where = wheres.get(above)
        if where is None:
            where = wheres[above] = _where(above, names)
        subtitle = f"{code} · {where}" if kind in _NUMBERED else where
        pairs = grams(key + more, initials)
        yield (
            kind,
            str(subject),
            place,
            title,
            subtitle,
            key + more,
            code,
            pinyin,
            initials,
            "{" + ",".join(map(str, pairs)) + "}",
            str(weight),
            "\\N" if geom is None else str(geom),
        )


def _where(place: str, names: dict[str, str]) -> str:
    """The names above a place, from the district down."""
    return " ".join(
        names[place[:level]]
        for level in (Level.DISTRICT, Level.STREET, Level.COMMUNITY, Level.GRID)
        if len(place) >= level and place[:level] in names
    )
