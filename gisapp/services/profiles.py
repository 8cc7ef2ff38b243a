"""The profile of anything that can be clicked: one shape for all kinds, and the records behind every number.

The shape, all texts in Chinese: ``kind``, ``kind_title``, ``id``, ``title``, ``subtitle``; ``breadcrumbs`` from the district
down ``[{kind, id, title}]``; ``fields`` ``[{label, value, unit?, meaning?}]``; ``counts`` ``[{label, value, unit, list?}]``;
``lists`` ``[{name, title, total, rows}]`` with rows ``{kind, id, title, note, side}``; ``actions`` ``[{label, href}]``;
``point``, ``bbox``, ``geometry`` (EPSG:4490, degrees); ``as_of``, ``origin``. Personal fields are not in it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection

from gisapp.domain import clock, incoming
from gisapp.domain.access import Reader, Role
from gisapp.domain.keys import Level
from gisapp.domain.vocabulary import label
from gisapp.errors import InputError, NotFound
from gisapp.services import tracks
from gisapp.services.profile_kinds import DESCRIBE, Content
from gisapp.store import profile_lists, profiles
from gisapp.store.database import Database

FIRST_ROWS = 50
"""Rows of a list that come with the profile; the others are fetched page by page."""
_SHOWN_LEVELS = (Level.DISTRICT, Level.STREET, Level.COMMUNITY, Level.GRID)
_NOWHERE = dict.fromkeys(("geometry", "lon", "lat", "last_at", "last_place", "last_speed"))
"""What a worker's profile does not say to those who may not see where workers are."""
_LEVEL_OF = {int(level): level.term for level in Level}


def profile_of(database: Database, reader: Reader, kind: str, identifier: str) -> dict[str, Any]:
    """What is known of one thing.

    Args:
        kind: one of ``gisapp.store.profiles.KINDS``.
        identifier: place key for regions and grids, id for everything else.

    Raises:
        NotFound: no such kind, or no such thing within the reader's scope.
    """
    with database.begin(reader) as connection:
        row = _find(connection, kind, identifier)
        if kind == "grid_worker" and not tracks.may_watch(reader):
            row = {**row, **_NOWHERE}
        content = DESCRIBE[kind](connection, row)
        crumbs = _breadcrumbs(connection, kind, row, content)
        lists = [
            {
                "name": found.name,
                "title": found.title,
                "total": found.total,
                "rows": profile_lists.list_rows(connection, found.name, found.given, limit=FIRST_ROWS)
                if found.total
                else [],
            }
            for found in content.lists
        ]
    return {
        "kind": kind,
        "kind_title": _kind_title(kind, row),
        "id": row["place"] if kind in profiles.BY_PLACE else str(row["id"]),
        "place": row["place"],
        "title": content.title,
        "subtitle": content.subtitle,
        "breadcrumbs": crumbs,
        "fields": content.fields,
        "counts": content.counts,
        "lists": [*content.ready, *lists],
        "actions": content.actions,
        **_where(row),
        "as_of": f"{clock.now():%H:%M}",
        "origin": content.origin,
    }


def list_of(
    database: Database,
    reader: Reader,
    kind: str,
    identifier: str,
    name: str,
    *,
    offset: int = 0,
    limit: int = 100,
) -> dict[str, Any]:
    """The records behind a number of a profile, page by page: ``name``, ``title``, ``total``, ``offset``, ``rows``.

    Raises:
        NotFound: no such thing within the reader's scope, or it has no such list.
    """
    with database.begin(reader) as connection:
        row = _find(connection, kind, identifier)
        content = DESCRIBE[kind](connection, row)
        found = next((one for one in content.lists if one.name == name), None)
        if found is None:
            raise NotFound(f"“{content.title}”没有名单“{name}”。", remedy="请在档案中选择。")
        rows = profile_lists.list_rows(connection, name, found.given, limit=limit, offset=offset)
        total = profile_lists.list_total(connection, name, found.given)
    return {"name": name, "title": found.title, "total": total, "offset": offset, "rows": rows}


def reveal_person(database: Database, reader: Reader, person_id: int, purpose: str) -> dict[str, Any]:
    """Name, identity number, telephone and birth date of one person, for a stated purpose; the look is recorded.

    Raises:
        Forbidden: the reader's role does not visit or serve people.
        InputError: no purpose stated.
        NotFound: no such person within the reader's scope.
    """
    reader.require(Role.LEADER, Role.MANAGER, Role.WORKER)
    purpose = incoming.text(purpose, incoming.PURPOSE, "purpose")
    if len(purpose) < 2:
        raise InputError(
            "请写明查看个人信息的用途。", remedy="例如：走访核实、办理居住证。", details={"field": "purpose"}
        )
    with database.begin(reader) as connection:
        row = profiles.reveal(connection, person_id, purpose)
    if row is None:
        raise _missing("person", str(person_id))
    return {
        "id": str(person_id),
        "name": row["name"],
        "id_number": row["id_number"],
        "phone": row["phone"],
        "birth_date": row["birth_date"].isoformat(),
        "purpose": purpose,
    }


def _find(connection: Connection, kind: str, identifier: str) -> Mapping[str, Any]:
    if kind not in DESCRIBE:
        raise NotFound(f"没有“{kind}”这类档案。", remedy=f"可用：{'、'.join(DESCRIBE)}。")
    if not (identifier.isascii() and identifier.isdigit() and len(identifier) <= 18):
        raise _missing(kind, identifier)
    if kind == "grid" and len(identifier) != Level.GRID:
        identifier = profiles.grid_by_id(connection, int(identifier)) or ""
    row = profiles.find(connection, kind, identifier) if identifier else None
    if row is None:
        raise _missing(kind, identifier)
    return dict(row)


def _missing(kind: str, identifier: str) -> NotFound:
    return NotFound(
        f"没有找到{label(kind)} {identifier}。",
        remedy="它可能已注销，或不在您的管辖范围内。",
        details={"kind": kind},
    )


def _kind_title(kind: str, row: Mapping[str, Any]) -> str:
    return label(_LEVEL_OF[row["level"]]) if kind == "region" else label(kind)


def _breadcrumbs(
    connection: Connection, kind: str, row: Mapping[str, Any], content: Content
) -> Sequence[Mapping[str, str]]:
    """District → street → community → grid → building → room, as far as it lies above the thing."""
    place: str = row["place"]
    keys = [place[:level] for level in _SHOWN_LEVELS if len(place) >= level]
    if kind in profiles.BY_PLACE:
        keys = [key for key in keys if key != place]
    names = profiles.places_above(connection, keys)
    above = [
        {"kind": "grid" if len(key) == Level.GRID else "region", "id": key, "title": names[key]}
        for key in keys
        if key in names
    ]
    return [*above, *content.within]


def _where(row: Mapping[str, Any]) -> dict[str, Any]:
    """Geometry, a point in it, and its box where it has an extent."""
    geometry = json.loads(row["geometry"]) if row.get("geometry") else None
    point = None if row.get("lon") is None else [row["lon"], row["lat"]]
    box = None
    if row.get("west") is not None and (row["east"] > row["west"] or row["north"] > row["south"]):
        box = [row["west"], row["south"], row["east"], row["north"]]
    return {"geometry": geometry, "point": point, "bbox": box}
