"""Results of analyses, and what analyses read: demand by kind, streets, candidate sites.

Everything is read under the reader's row security. Coordinates are EPSG:4490, lon/lat order, degrees. Large answers come
as one run of binary numbers instead of rows, which is some thirty times faster for a million points.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import shapely
from geoalchemy2 import functions as geo
from numpy.typing import NDArray
from sqlalchemy import Connection, RowMapping, Select, delete, func, insert, select, text, update

from gisapp.store.sqlfiles import load_sql
from gisapp.store.tables.analysis import analysis_run, hotspot_cell, station
from gisapp.store.tables.places import building, poi
from gisapp.store.tables.places import region as region_table
from gisapp.store.tables.work import event

Floats = NDArray[np.float64]

PEOPLE = ("people", "elders", "children", "floating")
"""Kinds of residents that ``building_population`` counts; these names are its columns."""


@dataclass(frozen=True, slots=True)
class Points:
    """Weighted points.

    Attributes:
        lon, lat: (n,) degrees.
        weight: (n,) how much demand each stands for.
    """

    lon: Floats
    lat: Floats
    weight: Floats

    def __len__(self) -> int:
        return len(self.lon)


@dataclass(frozen=True, slots=True)
class Site:
    """A place where a service point stands or could stand.

    Attributes:
        kind: ``poi``, ``building`` or ``junction``.
        id: of the record; None for a junction.
    """

    kind: str
    id: int | None
    name: str
    lon: float
    lat: float


# -- what is read -----------------------------------------------------------------------------------------------------


def _numbers(connection: Connection, sql: str, parameters: Mapping[str, Any], width: int) -> Floats:
    """Rows of ``width`` numbers that a statement gives as one run of big-endian doubles."""
    run = connection.execute(text(sql), parameters).scalar_one()
    return np.frombuffer(bytes(run or b""), dtype=">f8").astype(np.float64).reshape(-1, width)


def case_points(
    connection: Connection,
    place: str,
    since: datetime | None = None,
    until: datetime | None = None,
    matter_class: str | None = None,
) -> Points:
    """Where cases of a place were reported, each with weight 1.

    Args:
        place: prefix of the place key.
        since: first instant, included; None for no limit.
        until: last instant, not included; None for no limit.
        matter_class: first two digits of the matter code; None for all.
    """
    given = {"place": place, "since": since, "until": until, "class": matter_class}
    found = _numbers(connection, load_sql("analysis/case_points"), given, 2)
    return Points(found[:, 0], found[:, 1], np.ones(len(found)))


def people_points(connection: Connection, place: str, kind: str) -> Points:
    """Buildings of a place with the number of residents of a kind (``PEOPLE``); those without any are left out."""
    if kind not in PEOPLE:
        raise ValueError(kind)
    sql = load_sql("analysis/people_points").replace("{count}", kind)  # checked against PEOPLE above
    found = _numbers(connection, sql, {"place": place}, 3)
    return Points(found[:, 0], found[:, 1], found[:, 2])


def area_of(connection: Connection, place: str) -> shapely.Geometry:
    """Outline of a place: its region's or grid's, else all regions below it together; empty where nothing is drawn."""
    wkb = connection.execute(text(load_sql("analysis/area_of")), {"place": place}).scalar()
    return shapely.Polygon() if wkb is None else shapely.from_wkb(bytes(wkb))


@dataclass(frozen=True, slots=True)
class Roads:
    """Streets for walkers: centre lines (EPSG:4490), which of them are bridges, and their names."""

    lines: NDArray[np.object_]
    bridge: NDArray[np.bool_]
    names: list[str]


def walkable_roads(connection: Connection, box: tuple[float, float, float, float]) -> Roads:
    """Streets for walkers that touch a box (west, south, east, north)."""
    west, south, east, north = box
    rows = connection.execute(
        text(load_sql("analysis/walkable_roads")),
        {"west": west, "south": south, "east": east, "north": north},
    ).all()
    lines = shapely.from_wkb([bytes(row.wkb) for row in rows]) if rows else np.empty(0, dtype=object)
    return Roads(
        np.asarray(lines, dtype=object),
        np.array([row.bridge for row in rows], dtype=bool),
        [row.name for row in rows],
    )


def poi_kinds(connection: Connection, place: str) -> list[tuple[str, int]]:
    """Kinds of public places below a place, and how many of each there are."""
    rows = connection.execute(
        select(poi.c.kind, func.count().label("n"))
        .where(poi.c.place.startswith(place, autoescape=True))
        .group_by(poi.c.kind)
        .order_by(poi.c.kind)
    )
    return [(row.kind, int(row.n)) for row in rows]


def poi_sites(connection: Connection, place: str, kind: str | None = None) -> list[Site]:
    """Public places below a place, of one kind or of all."""
    statement = select(
        poi.c.id, poi.c.name, geo.ST_X(poi.c.geom).label("lon"), geo.ST_Y(poi.c.geom).label("lat")
    )
    statement = statement.where(poi.c.place.startswith(place, autoescape=True)).order_by(poi.c.id)
    if kind is not None:
        statement = statement.where(poi.c.kind == kind)
    return [Site("poi", row.id, row.name, row.lon, row.lat) for row in connection.execute(statement)]


def building_sites(connection: Connection, place: str) -> list[Site]:
    """Buildings below a place, each at a point on its ground."""
    point = geo.ST_PointOnSurface(building.c.geom)
    statement: Select[Any] = select(
        building.c.id,
        func.coalesce(func.nullif(building.c.name, ""), building.c.code).label("name"),
        geo.ST_X(point).label("lon"),
        geo.ST_Y(point).label("lat"),
    )
    statement = statement.where(building.c.place.startswith(place, autoescape=True)).order_by(building.c.id)
    return [Site("building", row.id, row.name, row.lon, row.lat) for row in connection.execute(statement)]


def regions_below(connection: Connection, deepest: int = 12) -> list[tuple[str, str]]:
    """Key and name of the drawn regions that the reader may see, from above to below."""
    rows = connection.execute(
        select(region_table.c.place, region_table.c.name)
        .where(region_table.c.geom.is_not(None), region_table.c.level <= deepest)
        .order_by(region_table.c.place)
    )
    return [(row.place, row.name) for row in rows]


def busiest_place(connection: Connection, digits: int = 9) -> str | None:
    """The place of a level (9 digits: street) with the most cases that the reader may see; None without any."""
    place = func.left(event.c.place, digits).label("place")
    statement = select(place).group_by(place).order_by(func.count().desc(), place).limit(1)
    found = connection.execute(statement).scalar()
    return None if found is None else str(found)


# -- what is kept -----------------------------------------------------------------------------------------------------


def open_run(
    connection: Connection, *, kind: str, place: str, title: str, parameters: Mapping[str, Any], user_id: int
) -> int:
    """Note that an analysis has begun; returns its number."""
    statement = insert(analysis_run).values(
        kind=kind, place=place, title=title, parameters=dict(parameters), state="running", created_by=user_id
    )
    return int(connection.execute(statement.returning(analysis_run.c.id)).scalar_one())


def note_run(
    connection: Connection, run_id: int, *, state: str | None = None, summary: Mapping[str, Any]
) -> bool:
    """Write state and summary of a run that is still under way; False if it is gone or ended already."""
    values: dict[str, Any] = {"summary": dict(summary)}
    if state is not None:
        values["state"] = state
    done = connection.execute(
        update(analysis_run)
        .where(analysis_run.c.id == run_id, analysis_run.c.state == "running")
        .values(**values)
    )
    return bool(done.rowcount)


_RUN = (
    analysis_run.c.id,
    analysis_run.c.place,
    analysis_run.c.kind,
    analysis_run.c.title,
    analysis_run.c.parameters,
    analysis_run.c.summary,
    analysis_run.c.state,
    analysis_run.c.created_by,
    analysis_run.c.created_at,
)


def find_run(connection: Connection, run_id: int) -> RowMapping | None:
    """One run within the reader's scope, or None."""
    return connection.execute(select(*_RUN).where(analysis_run.c.id == run_id)).mappings().first()


def list_runs(connection: Connection, kind: str | None = None, limit: int = 100) -> Sequence[RowMapping]:
    """Runs within the reader's scope, the newest first."""
    statement = (
        select(*_RUN).order_by(analysis_run.c.created_at.desc(), analysis_run.c.id.desc()).limit(limit)
    )
    if kind is not None:
        statement = statement.where(analysis_run.c.kind == kind)
    return connection.execute(statement).mappings().all()


def remove_run(connection: Connection, run_id: int) -> None:
    """Delete a run with its results."""
    # The run first: a result that is being kept is waited for, and then goes too.
    connection.execute(delete(analysis_run).where(analysis_run.c.id == run_id))
    connection.execute(delete(hotspot_cell).where(hotspot_cell.c.run_id == run_id))
    connection.execute(delete(station).where(station.c.run_id == run_id))


def add_cells(connection: Connection, run_id: int, place: str, columns: Mapping[str, Sequence[Any]]) -> None:
    """Keep the cells of a hotspot run.

    Args:
        columns: ``cell``, ``count``, ``z``, ``p``, ``significant``, ``class`` and ``outline`` (shapely polygons).
    """
    given = {name: list(values) for name, values in columns.items() if name != "outline"}
    outlines = shapely.to_wkb(
        shapely.set_srid(np.asarray(columns["outline"], dtype=object), 4490), hex=True, include_srid=True
    )
    connection.execute(
        text(load_sql("analysis/add_cells")),
        {"run": run_id, "place": place, "outline": [str(o) for o in outlines], **given},
    )


def add_stations(connection: Connection, run_id: int, place: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Keep the service points of an allocation run: ``lon``, ``lat`` and the columns of ``station``."""
    made = []
    for row in rows:
        values = {name: value for name, value in row.items() if name not in ("lon", "lat")}
        point = func.ST_SetSRID(func.ST_MakePoint(row["lon"], row["lat"]), 4490)
        made.append({**values, "run_id": run_id, "run_place": place, "place": place, "geom": point})
    if made:
        connection.execute(insert(station).values(made))


def cells_of(connection: Connection, run_id: int) -> Sequence[RowMapping]:
    """Cells of a hotspot run, the hottest first; ``outline`` is GeoJSON."""
    columns = (hotspot_cell.c[name] for name in ("id", "cell", "count", "z", "p", "significant", "class"))
    outline = geo.ST_AsGeoJSON(hotspot_cell.c.geom, 7).label("outline")
    statement = select(*columns, outline).where(hotspot_cell.c.run_id == run_id)
    return connection.execute(statement.order_by(hotspot_cell.c.z.desc().nulls_last())).mappings().all()


def stations_of(connection: Connection, run_id: int) -> Sequence[RowMapping]:
    """Service points of an allocation run, new ones first, each group by the demand it serves."""
    names = (
        "id",
        "rank",
        "name",
        "existing",
        "demand",
        "covered",
        "mean_distance",
        "subject_kind",
        "subject_id",
    )
    columns = (station.c[name] for name in names)
    point = (geo.ST_X(station.c.geom).label("lon"), geo.ST_Y(station.c.geom).label("lat"))
    statement = (
        select(*columns, *point)
        .where(station.c.run_id == run_id)
        .order_by(station.c.existing, station.c.rank)
    )
    return connection.execute(statement).mappings().all()


def cases_within(
    connection: Connection,
    outline: shapely.Polygon,
    place: str,
    since: datetime | None,
    until: datetime | None,
    matter_class: str | None,
    limit: int,
) -> Sequence[RowMapping]:
    """Cases inside an outline, the newest first: the records behind a cell's number."""
    given = {"place": place, "since": since, "until": until, "class": matter_class, "limit": limit}
    return (
        connection.execute(
            text(load_sql("analysis/cases_within")), {**given, "outline": shapely.to_wkb(outline, hex=True)}
        )
        .mappings()
        .all()
    )
