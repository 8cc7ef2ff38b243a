"""The records behind the numbers of a profile: each list is one statement over one table, page by page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, text

from gisapp.store.sqlfiles import load_sql

_AREA = "t.place >= :prefix AND t.place < :prefix || ':'"
_IN_FORCE = "t.valid_to IS NULL"
_TIME = "to_char({0} AT TIME ZONE 'Asia/Shanghai', 'MM-DD HH24:MI')"


@dataclass(frozen=True, slots=True)
class List:
    """One list of records.

    Attributes:
        columns: SQL for kind, id, title, note and side of a row.
        source: tables, the listed one as ``t``.
        where: which rows, with ``:prefix`` or ``:id`` bound.
        order: in which order.
    """

    columns: str
    source: str
    where: str
    order: str


_PERSON = "'person', t.id::text, t.name_masked, concat_ws(' · ', t.sex, nullif(t.kinship, '')), t.birth_year::text || ' 年'"
_EVENT = f"'event', t.id::text, t.title, t.number, {_TIME.format('t.reported_at')}"
_ADDRESS = "'address', t.id::text, t.full_text, t.code, ''"
_ORGANISATION = "'organisation', t.id::text, t.name, t.address, t.kind"

# What a building is called: shops and small houses have no name, only a door number.
_CALLED = (
    "coalesce(nullif({0}.estate || {0}.name, ''), (SELECT nullif(a.road || a.plate, '') FROM onemap.address a "
    "WHERE a.building_id = {0}.id AND a.place = {0}.place AND a.room = '' ORDER BY length(a.full_text), a.full_text LIMIT 1), {0}.code)"
)

LISTS: Mapping[str, List] = {
    # -- of a place --
    "regions": List(
        "'region', t.place, t.name, t.place, ''", "onemap.region t", f"{_AREA} AND t.level = :below", "t.place"
    ),
    "grids": List(
        "'grid', t.place, t.name, t.place, coalesce(g.name, '')",
        "onemap.grid t LEFT JOIN onemap.region g ON g.place = t.community",
        f"{_AREA} AND t.place <> :prefix AND {_IN_FORCE}",
        "t.place",
    ),
    "people": List(
        f"'building', t.building_id::text, {_CALLED.format('b')}, t.households || ' 户', t.people || ' 人'",
        "onemap.building_population t JOIN onemap.building b ON b.id = t.building_id AND b.place = t.place",
        _AREA,
        "t.people DESC, t.building_id",
    ),
    "elders": List(
        f"'building', t.building_id::text, {_CALLED.format('b')}, t.people || ' 人', t.elders || ' 人'",
        "onemap.building_population t JOIN onemap.building b ON b.id = t.building_id AND b.place = t.place",
        f"{_AREA} AND t.elders > 0",
        "t.elders DESC, t.building_id",
    ),
    "buildings": List(
        f"'building', t.id::text, {_CALLED.format('t')}, t.code, coalesce(t.floors || ' 层', '')",
        "onemap.building t",
        _AREA,
        "t.estate || t.name = '', t.estate, length(t.name), t.name, t.id",
    ),
    "organisations": List(_ORGANISATION, "onemap.organisation t", _AREA, "t.name, t.id"),
    "places": List("'poi', t.id::text, t.name, t.address, t.kind", "onemap.poi t", _AREA, "t.kind, t.name, t.id"),
    "components": List(
        "'component', t.id::text, coalesce(nullif(t.name, ''), t.type_code), t.code, t.department",
        "onemap.component t",
        _AREA,
        "t.place, t.id",
    ),
    "workers": List(
        f"'grid_worker', t.id::text, t.name, t.team, coalesce({_TIME.format('t.last_at')}, '')",
        "onemap.grid_worker t",
        f"{_AREA} AND t.active",
        "t.place, t.id",
    ),
    "open_cases": List(_EVENT, "onemap.event t", f"{_AREA} AND t.closed_at IS NULL", "t.due_at, t.id"),
    "overdue_cases": List(
        _EVENT, "onemap.event t", f"{_AREA} AND t.closed_at IS NULL AND t.due_at < now()", "t.due_at, t.id"
    ),
    "recent_cases": List(
        _EVENT,
        "onemap.event t",
        f"{_AREA} AND t.reported_at >= now() - interval '30 days'",
        "t.reported_at DESC, t.id",
    ),
    # -- of a building --
    "building_units": List(
        "'building', t.building_id::text, t.name, '', "
        "(SELECT count(*) FROM onemap.room r WHERE r.unit_id = t.id AND r.place = t.place) || ' 间'",
        "onemap.building_unit t",
        "t.building_id = :id",
        "t.number",
    ),
    "building_rooms": List(
        "'room', t.id::text, u.name || t.number || ' 室', t.floor || ' 层', coalesce(t.area || ' ㎡', '')",
        "onemap.room t JOIN onemap.building_unit u ON u.id = t.unit_id AND u.place = t.place",
        "t.building_id = :id",
        "u.number, t.floor, length(t.number), t.number",
    ),
    "building_people": List(
        "'person', t.id::text, t.name_masked, r.number || ' 室', t.birth_year::text || ' 年'",
        "onemap.person t JOIN onemap.room r ON r.id = t.room_id AND r.place = t.place",
        "r.building_id = :id",
        "length(r.number), r.number, t.household, t.birth_year, t.id",
    ),
    "building_addresses": List(_ADDRESS, "onemap.address t", "t.building_id = :id AND t.room = ''", "t.full_text, t.id"),
    "building_organisations": List(_ORGANISATION, "onemap.organisation t", "t.building_id = :id", "t.name, t.id"),
    # -- of a room, a worker --
    "room_people": List(_PERSON, "onemap.person t", "t.room_id = :id", "t.household, t.birth_year, t.id"),
    "worker_cases": List(
        _EVENT, "onemap.event t", "t.worker_id = :id AND t.closed_at IS NULL", "t.due_at, t.id"
    ),
    "worker_alerts": List(
        f"'grid_worker', t.worker_id::text, t.title, '', {_TIME.format('t.opened_at')}",
        "onemap.alert t",
        "t.worker_id = :id AND t.withdrawn_at IS NULL AND t.raised_at >= now() - interval '30 days'",
        "t.raised_at DESC, t.id",
    ),
}  # fmt: skip


def list_rows(
    connection: Connection, name: str, given: Mapping[str, Any], *, limit: int, offset: int = 0
) -> list[dict[str, str]]:
    """Rows ``kind, id, title, note, side`` of a list.

    Args:
        given: ``prefix`` and ``below`` for lists of a place, ``id`` for the others.
    """
    found = LISTS[name]
    statement = f"SELECT {found.columns} FROM {found.source} WHERE {found.where} ORDER BY {found.order} LIMIT :limit OFFSET :offset"
    rows = connection.execute(text(statement), {**given, "limit": limit, "offset": offset})
    return [dict(zip(("kind", "id", "title", "note", "side"), map(_word, row), strict=True)) for row in rows]


def list_total(connection: Connection, name: str, given: Mapping[str, Any]) -> int:
    """How many rows a list has."""
    found = LISTS[name]
    return int(
        connection.execute(
            text(f"SELECT count(*) FROM {found.source} WHERE {found.where}"), dict(given)
        ).scalar_one()
    )


def area_counts(connection: Connection, prefix: str, below: int) -> dict[str, int]:
    """The numbers of a place and all below it."""
    row = (
        connection.execute(text(load_sql("profiles/area_counts")), {"prefix": prefix, "below": below})
        .mappings()
        .one()
    )
    return {name: int(value) for name, value in row.items()}


def _word(value: Any) -> str:
    return "" if value is None else str(value)
