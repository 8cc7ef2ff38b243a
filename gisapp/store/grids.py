"""Grids, their versions and drafts."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

import shapely
from shapely.geometry import MultiPolygon, Polygon
from sqlalchemy import Connection, RowMapping, delete, func, insert, or_, select, text, update

from gisapp.store.sqlfiles import load_sql
from gisapp.store.tables.base import SRID
from gisapp.store.tables.places import grid, grid_draft, grid_version, region
from gisapp.store.tables.platform import app_user

SCHEDULED, IN_FORCE, REPLACED = "scheduled", "in_force", "replaced"


def key_range(prefix: str) -> tuple[str, str]:
    """Lowest and highest place key within a prefix; comparisons use the index under row security too."""
    return prefix, prefix + "9" * (15 - len(prefix))


def _wkb(column: Any) -> Any:
    return func.ST_AsBinary(column).label("wkb")


def _geom(shape: shapely.Geometry) -> Any:
    return func.ST_SetSRID(func.ST_GeomFromWKB(shapely.to_wkb(shape)), SRID)


def _shape(row: RowMapping) -> Any:
    return shapely.from_wkb(bytes(row["wkb"]))


# -- regions ------------------------------------------------------------------------------------------------------


def find_community(connection: Connection, community: str) -> RowMapping | None:
    """Name of a community that has a polygon, or None."""
    query = select(region.c.place, region.c.name).where(
        region.c.place == community, region.c.geom.is_not(None)
    )
    return connection.execute(query).mappings().first()


def border_of(connection: Connection, community: str) -> MultiPolygon:
    """A community's polygon (EPSG:4490); it must exist."""
    query = select(_wkb(region.c.geom)).where(region.c.place == community)
    shape: MultiPolygon = _shape(connection.execute(query).mappings().one())
    return shape


def list_communities(connection: Connection) -> Sequence[RowMapping]:
    """Communities in the reader's scope with their street, grids in force, and whether a draft is open."""
    street = region.alias("street")
    count = (
        select(func.count())
        .where(grid.c.community == region.c.place, grid.c.valid_to.is_(None))
        .correlate(region)
        .scalar_subquery()
    )
    draft = (
        select(func.count()).where(grid_draft.c.place == region.c.place).correlate(region).scalar_subquery()
    )
    query = (
        select(
            region.c.place,
            region.c.name,
            func.coalesce(street.c.name, "").label("street"),
            count.label("grids"),
            (draft > 0).label("draft"),
        )
        .outerjoin(street, street.c.place == func.left(region.c.place, 9))
        .where(region.c.level == 12, region.c.geom.is_not(None))
        .where(text("region.place ^@ ANY (onemap.scopes())"))
        .order_by(region.c.place)
    )
    return connection.execute(query).mappings().all()


def regions_on_edge(
    connection: Connection, box: tuple[float, float, float, float]
) -> list[tuple[str, MultiPolygon]]:
    """Regions whose polygon comes into a box (west, south, east, north in degrees), locked for change."""
    query = (
        select(region.c.place, _wkb(region.c.geom))
        .where(_touches(region.c.geom, box))
        .order_by(region.c.place)
        .with_for_update()
    )
    return [(row["place"], _shape(row)) for row in connection.execute(query).mappings()]


def set_region_shape(connection: Connection, place: str, shape: MultiPolygon) -> None:
    connection.execute(update(region).where(region.c.place == place).values(geom=_geom(shape)))


def _touches(column: Any, box: tuple[float, float, float, float]) -> Any:
    return column.op("&&")(func.ST_MakeEnvelope(*box, SRID))


# -- grids --------------------------------------------------------------------------------------------------------

_GRID = (
    grid.c.id,
    grid.c.place,
    grid.c.version,
    grid.c.community,
    grid.c.name,
    grid.c.valid_from,
    grid.c.valid_to,
    grid.c.responsible,
)


def grids_at(connection: Connection, prefix: str, end: datetime | None = None) -> list[dict[str, Any]]:
    """The grids within a prefix that were in force just before an instant, or are now, with ``shape``, by code.

    A scheduled version is not found here: its grids are no rows of ``grid`` before it takes effect.

    Args:
        end: the first instant that is not asked about, for example the midnight after a day; None for now.
    """
    first, last = key_range(prefix)
    query = select(*_GRID, _wkb(grid.c.geom)).where(grid.c.place.between(first, last)).order_by(grid.c.place)
    if end is None:
        query = query.where(grid.c.valid_to.is_(None))
    else:
        query = query.where(grid.c.valid_from < end, or_(grid.c.valid_to.is_(None), grid.c.valid_to >= end))
    return _with_shapes(connection, query)


def grids_in_force(connection: Connection, community: str) -> list[dict[str, Any]]:
    """The grids of one community now in force, with ``shape``, by code."""
    query = (
        select(*_GRID, _wkb(grid.c.geom))
        .where(grid.c.community == community, grid.c.valid_to.is_(None))
        .order_by(grid.c.place)
    )
    return _with_shapes(connection, query)


def grids_of_version(connection: Connection, community: str, version: int) -> list[dict[str, Any]]:
    """The grids of one version that is or was in force, with ``shape``, by code; empty for any other."""
    query = (
        select(*_GRID, _wkb(grid.c.geom))
        .where(grid.c.community == community, grid.c.version == version)
        .order_by(grid.c.place)
    )
    return _with_shapes(connection, query)


def grids_on_edge(
    connection: Connection, box: tuple[float, float, float, float]
) -> list[tuple[int, str, Polygon]]:
    """Id, code and polygon of the grids in force that come into a box, locked for change."""
    query = (
        select(grid.c.id, grid.c.place, _wkb(grid.c.geom))
        .where(_touches(grid.c.geom, box), grid.c.valid_to.is_(None))
        .order_by(grid.c.place)
        .with_for_update()
    )
    return [(row["id"], row["place"], _shape(row)) for row in connection.execute(query).mappings()]


def _with_shapes(connection: Connection, query: Any) -> list[dict[str, Any]]:
    rows = []
    for row in connection.execute(query).mappings():
        found = dict(row)
        found["shape"] = shapely.from_wkb(bytes(found.pop("wkb")))
        rows.append(found)
    return rows


def set_grid_shape(connection: Connection, identifier: int, shape: Polygon) -> None:
    connection.execute(update(grid).where(grid.c.id == identifier).values(geom=_geom(shape)))


def used_codes(connection: Connection, community: str) -> set[str]:
    """Every code that a grid of the community has or had, scheduled ones included."""
    codes = set(connection.scalars(select(grid.c.place).distinct().where(grid.c.community == community)))
    planned = select(grid_version.c.planned).where(
        grid_version.c.place == community, grid_version.c.status == SCHEDULED
    )
    for fabric in connection.scalars(planned):
        codes.update(fabric["fabric"]["grids"])
    return codes


def instant_of_effect(connection: Connection, community: str) -> datetime:
    """The instant from which grids that are published now hold: the database's clock, read after the publishing lock.

    It is later than the beginning of every version before, also where the clock was set back meanwhile.
    """
    newest = select(func.max(grid.c.valid_from)).where(grid.c.community == community).scalar_subquery()
    after = newest + text("interval '1 microsecond'")
    found: datetime = connection.execute(select(func.greatest(func.clock_timestamp(), after))).scalar_one()
    return found


def vanished(connection: Connection, keys: Sequence[str]) -> list[str]:
    """Which of some keys are grids of former versions and of none in force."""
    now = grid.alias("now")
    held = select(now.c.id).where(now.c.place == grid.c.place, now.c.valid_to.is_(None)).exists()
    query = select(grid.c.place).distinct().where(grid.c.place.in_(keys), ~held).order_by(grid.c.place)
    return list(connection.scalars(query))


def replace_grids(
    connection: Connection, community: str, version: int, at: datetime, rows: Sequence[Mapping[str, Any]]
) -> None:
    """End the grids in force at an instant and put the rows of a new version in their place."""
    ended = update(grid).where(grid.c.community == community, grid.c.valid_to.is_(None)).values(valid_to=at)
    connection.execute(ended)
    for row in rows:
        connection.execute(
            insert(grid).values(
                place=row["place"],
                version=version,
                community=community,
                name=row["name"],
                valid_from=at,
                responsible=row["responsible"],
                geom=_geom(row["shape"]),
            )
        )


def loads(
    connection: Connection, community: str, shapes: Mapping[str, Polygon]
) -> dict[str, dict[str, float]]:
    """Load of each polygon by its code: buildings, people, households, components, open_cases, area_m2, street_m."""
    first, last = key_range(community)
    rows = connection.execute(
        text(load_sql("grids_loads")), {"first": first, "last": last, **shape_arrays(shapes)}
    ).mappings()
    return {row["code"]: {name: float(row[name]) for name in row if name != "code"} for row in rows}


def people_points(connection: Connection, community: str) -> tuple[list[float], list[float], list[int]]:
    """Longitudes, latitudes and people of the inhabited buildings of a community."""
    first, last = key_range(community)
    rows = connection.execute(
        text(
            "SELECT ST_X(geom) AS x, ST_Y(geom) AS y, people FROM onemap.building_population "
            "WHERE place BETWEEN :first AND :last"
        ),
        {"first": first, "last": last},
    ).all()
    return [row.x for row in rows], [row.y for row in rows], [row.people for row in rows]


def shape_arrays(shapes: Mapping[str, Polygon]) -> dict[str, list[str]]:
    """Codes and hex WKB of polygons as two arrays of equal order, for ``unnest``."""
    return {"codes": list(shapes), "shapes": [shapely.to_wkb(shape, hex=True) for shape in shapes.values()]}


# -- versions -----------------------------------------------------------------------------------------------------


def versions(connection: Connection, community: str) -> Sequence[RowMapping]:
    """All versions of a community, newest first, with who published them."""
    query = (
        select(
            grid_version.c.version,
            grid_version.c.valid_from,
            grid_version.c.planned_for,
            grid_version.c.status,
            grid_version.c.problem,
            grid_version.c.problem_since,
            grid_version.c.note,
            grid_version.c.published_at,
            func.coalesce(app_user.c.name, "").label("published_by"),
        )
        .outerjoin(app_user, app_user.c.id == grid_version.c.published_by)
        .where(grid_version.c.place == community)
        .order_by(grid_version.c.version.desc())
    )
    return connection.execute(query).mappings().all()


def current_version(connection: Connection, community: str) -> int:
    """Number of the version in force; 0 when the community has none."""
    query = select(func.max(grid_version.c.version)).where(
        grid_version.c.place == community, grid_version.c.status == IN_FORCE
    )
    found = connection.execute(query).scalar()
    if found is None:
        query = select(func.max(grid.c.version)).where(
            grid.c.community == community, grid.c.valid_to.is_(None)
        )
        found = connection.execute(query).scalar()
    return int(found or 0)


def newest_version(connection: Connection, community: str) -> int:
    """Highest version number ever given in a community."""
    one = select(func.max(grid_version.c.version)).where(grid_version.c.place == community).scalar_subquery()
    two = select(func.max(grid.c.version)).where(grid.c.community == community).scalar_subquery()
    return int(
        connection.execute(select(func.greatest(func.coalesce(one, 0), func.coalesce(two, 0)))).scalar_one()
    )


def add_version(
    connection: Connection,
    community: str,
    version: int,
    at: datetime,
    *,
    note: str,
    author: int,
) -> None:
    """Note a version that is in force from an instant on; the one before is replaced."""
    _end_version(connection, community)
    connection.execute(
        insert(grid_version).values(
            place=community,
            version=version,
            valid_from=at,
            status=IN_FORCE,
            note=note,
            published_by=author,
            published_at=func.clock_timestamp(),
        )
    )


def schedule(
    connection: Connection,
    community: str,
    version: int,
    day: date,
    *,
    note: str,
    author: int,
    planned: Mapping[str, Any],
) -> None:
    """Note a version that is to take effect on a later day."""
    connection.execute(
        insert(grid_version).values(
            place=community,
            version=version,
            planned_for=day,
            status=SCHEDULED,
            note=note,
            published_by=author,
            published_at=func.clock_timestamp(),
            planned=planned,
        )
    )


def _end_version(connection: Connection, community: str) -> None:
    connection.execute(
        update(grid_version)
        .where(grid_version.c.place == community, grid_version.c.status == IN_FORCE)
        .values(status=REPLACED)
    )


def bring_into_force(connection: Connection, community: str, version: int, at: datetime) -> None:
    """A scheduled version is in force from an instant on."""
    _end_version(connection, community)
    connection.execute(
        update(grid_version)
        .where(grid_version.c.place == community, grid_version.c.version == version)
        .values(status=IN_FORCE, valid_from=at, planned=None, problem="", problem_since=None)
    )


def note_problem(connection: Connection, community: str, version: int, problem: str) -> bool:
    """Keep why a scheduled version could not take effect; False where the same was known, or it is scheduled no more."""
    same = grid_version.c.problem == problem
    statement = (
        update(grid_version)
        .where(grid_version.c.place == community, grid_version.c.version == version)
        .where(grid_version.c.status == SCHEDULED, ~same)
        .values(
            problem=problem, problem_since=func.coalesce(grid_version.c.problem_since, func.clock_timestamp())
        )
    )
    return connection.execute(statement).rowcount == 1


def scheduled(
    connection: Connection, community: str | None = None, due: date | None = None
) -> Sequence[RowMapping]:
    """Scheduled versions with their planned fabric: of one community, or all that are due on a day."""
    query = select(
        grid_version.c.place,
        grid_version.c.version,
        grid_version.c.planned_for,
        grid_version.c.problem,
        grid_version.c.problem_since,
        grid_version.c.planned,
    ).where(grid_version.c.status == SCHEDULED)
    if community is not None:
        query = query.where(grid_version.c.place == community)
    if due is not None:
        query = query.where(grid_version.c.planned_for <= due)
    return (
        connection.execute(query.order_by(grid_version.c.planned_for, grid_version.c.place)).mappings().all()
    )


def withdraw_scheduled(connection: Connection, community: str) -> int:
    """Remove the scheduled version of a community; how many there were."""
    gone = delete(grid_version).where(grid_version.c.place == community, grid_version.c.status == SCHEDULED)
    return connection.execute(gone).rowcount


def announce(connection: Connection, community: str, version: int) -> None:
    """Tell every open screen, once the transaction commits, that the community has new grids."""
    payload = {"kind": "revision", "family": "grid", "place": community, "version": version}
    connection.execute(text("SELECT pg_notify('onemap', :payload)"), {"payload": json.dumps(payload)})
