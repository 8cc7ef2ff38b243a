"""Single things with what is known of them, within the reader's scope."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, RowMapping, text

_SHAPE = (
    "st_asgeojson({0}, 7, 0) AS geometry, st_x(st_pointonsurface({0})) AS lon, st_y(st_pointonsurface({0})) AS lat, "
    "st_xmin({0}) AS west, st_ymin({0}) AS south, st_xmax({0}) AS east, st_ymax({0}) AS north"
)
_GEOM = _SHAPE.format("t.geom")
# A region's outline is drawn, not measured: about a metre is enough.
_OUTLINE = _SHAPE.format("t.geom").replace(
    "st_asgeojson(t.geom", "st_asgeojson(st_simplifypreservetopology(t.geom, 0.00001)"
)
_AREA = "st_area(t.geom::geography) AS area"
_IN_FORCE = "t.valid_to IS NULL"

_QUERIES = {
    "region": f"SELECT t.*, {_AREA}, {_OUTLINE} FROM onemap.region t WHERE t.place = :key",
    "grid": f"SELECT t.*, {_AREA}, {_GEOM} FROM onemap.grid t WHERE t.place = :key AND {_IN_FORCE}",
    "building": (
        f"SELECT t.*, {_AREA}, p.people, p.households, p.registered, p.resident, p.floating, p.elders, p.children, {_GEOM}, "
        "(SELECT a.road || a.plate FROM onemap.address a WHERE a.building_id = t.id AND a.place = t.place AND a.room = '' "
        "ORDER BY length(a.full_text), a.full_text LIMIT 1) AS door "
        "FROM onemap.building t LEFT JOIN onemap.building_population p ON p.building_id = t.id AND p.place = t.place "
        "WHERE t.id = :id"
    ),
    "address": f"SELECT t.*, {_GEOM} FROM onemap.address t WHERE t.id = :id",
    "room": (
        "SELECT t.*, u.name AS unit_name, b.name AS building_name, b.estate, st_asgeojson(b.geom, 7, 0) AS geometry, "
        "st_x(st_pointonsurface(b.geom)) AS lon, st_y(st_pointonsurface(b.geom)) AS lat, st_xmin(b.geom) AS west, "
        "st_ymin(b.geom) AS south, st_xmax(b.geom) AS east, st_ymax(b.geom) AS north "
        "FROM onemap.room t JOIN onemap.building_unit u ON u.id = t.unit_id AND u.place = t.place "
        "JOIN onemap.building b ON b.id = t.building_id AND b.place = t.place WHERE t.id = :id"
    ),
    "person": (
        "SELECT t.id, t.place, t.room_id, t.household, t.kinship, t.name_masked, t.birth_year, t.sex, t.residence, "
        "t.education, t.occupation, r.number AS room_number, r.building_id, b.name AS building_name, b.estate, "
        "u.name AS unit_name, NULL AS geometry, st_x(st_pointonsurface(b.geom)) AS lon, "
        "st_y(st_pointonsurface(b.geom)) AS lat FROM onemap.person t "
        "JOIN onemap.room r ON r.id = t.room_id AND r.place = t.place "
        "JOIN onemap.building_unit u ON u.id = r.unit_id AND u.place = r.place "
        "JOIN onemap.building b ON b.id = r.building_id AND b.place = r.place WHERE t.id = :id"
    ),
    "poi": f"SELECT t.*, {_GEOM} FROM onemap.poi t WHERE t.id = :id",
    "component": f"SELECT t.*, {_GEOM} FROM onemap.component t WHERE t.id = :id",
    "organisation": f"SELECT t.*, {_GEOM} FROM onemap.organisation t WHERE t.id = :id",
    "event": (
        f"SELECT t.*, w.name AS worker_name, {_GEOM} FROM onemap.event t "
        "LEFT JOIN onemap.grid_worker w ON w.id = t.worker_id WHERE t.id = :id"
    ),
    "grid_worker": (
        "SELECT t.*, st_asgeojson(t.last_geom, 7, 0) AS geometry, st_x(t.last_geom) AS lon, st_y(t.last_geom) AS lat, "
        "(SELECT count(*) FROM onemap.event e WHERE e.worker_id = t.id AND e.closed_at IS NULL) AS worker_cases, "
        "(SELECT count(*) FROM onemap.alert a WHERE a.worker_id = t.id AND a.withdrawn_at IS NULL AND a.raised_at >= now() - interval '30 days') "
        "AS worker_alerts FROM onemap.grid_worker t WHERE t.id = :id"
    ),
}
KINDS = tuple(_QUERIES)
BY_PLACE = ("region", "grid")
"""Kinds that are named by their place key."""


def find(connection: Connection, kind: str, key: str) -> RowMapping | None:
    """One thing with its geometry as GeoJSON text; None if there is none within the reader's scope.

    Args:
        key: place key for regions and grids, id for everything else.
    """
    given: dict[str, Any] = {"key": key} if kind in BY_PLACE else {"id": int(key)}
    return connection.execute(text(_QUERIES[kind]), given).mappings().first()


def grid_by_id(connection: Connection, identifier: int) -> str | None:
    """Place key of a grid of any version by its id."""
    found: str | None = connection.execute(
        text("SELECT place FROM onemap.grid WHERE id = :id"), {"id": identifier}
    ).scalar()
    return found


def places_above(connection: Connection, keys: Sequence[str]) -> dict[str, str]:
    """Names of regions and grids in force by place key."""
    rows = connection.execute(
        text(
            "SELECT t.place, t.name FROM onemap.region t WHERE t.place = ANY(CAST(:keys AS text[])) UNION ALL "
            f"SELECT t.place, t.name FROM onemap.grid t WHERE t.place = ANY(CAST(:keys AS text[])) AND {_IN_FORCE}"
        ),
        {"keys": list(keys)},
    )
    return {row.place: row.name for row in rows}


def steps_of(connection: Connection, event_id: int) -> Sequence[RowMapping]:
    """The step log of a case, newest first."""
    return (
        connection.execute(
            text(
                "SELECT number, action, actor, note, at FROM onemap.event_step WHERE event_id = :id ORDER BY number DESC"
            ),
            {"id": event_id},
        )
        .mappings()
        .all()
    )


def reveal(connection: Connection, person_id: int, purpose: str) -> RowMapping | None:
    """Personal fields of one person; the look is recorded in the same transaction. None outside the scope."""
    return (
        connection.execute(
            text("SELECT * FROM onemap.reveal_person(:id, :purpose)"), {"id": person_id, "purpose": purpose}
        )
        .mappings()
        .first()
    )
