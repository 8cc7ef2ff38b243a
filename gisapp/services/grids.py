"""Grids as they are and were: communities, versions, the grids of a day, checks and export."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import shapely
from shapely.geometry import MultiPolygon, Polygon, mapping
from sqlalchemy import Connection, RowMapping

from gisapp.analytics.fabric import Fabric, Problem, check_tiling, fabric_from_json
from gisapp.analytics.fabric.lattice import DECIMALS
from gisapp.domain import clock, incoming
from gisapp.domain.access import Reader, Role
from gisapp.domain.keys import Level, PlaceKey
from gisapp.errors import InputError, NotFound
from gisapp.store import grid_drafts as drafts
from gisapp.store import grids as store
from gisapp.store import scopes
from gisapp.store.database import Database

LOADS = ("people", "households", "buildings", "components", "open_cases", "street_m", "area_m2")
"""What a grid's load consists of; the names are vocabulary identifiers or columns of the page's table."""


@dataclass(frozen=True, slots=True)
class Checked:
    """Result of checking one community.

    Attributes:
        community: 12-digit code.
        name: its name.
        grids: how many grids it has.
        problems: why they do not tile it; empty when they do.
    """

    community: str
    name: str
    grids: int
    problems: list[Problem]


def grid_name(community_name: str, code: str) -> str:
    """Name of a grid that nobody has named, after its community and number."""
    return f"{community_name.removesuffix('社区')}第{int(code[-3:])}网格"


def require_community(connection: Connection, reader: Reader, community: str) -> str:
    """The name of a community within the reader's scope.

    Raises:
        InputError: not a 12-digit key.
        Forbidden: outside the reader's scope.
        NotFound: it has no polygon.
    """
    key = PlaceKey(community)
    if key.level is not Level.COMMUNITY:
        raise InputError(
            f"“{community}”不是社区编码。", remedy="社区编码为 12 位数字。", details={"field": "community"}
        )
    reader.require_place(key)
    row = store.find_community(connection, key)
    if row is None:
        raise NotFound(f"社区 {community} 没有边界图形。", remedy="请先导入社区边界。")
    return str(row["name"])


def list_communities(database: Database, reader: Reader, place: str = "") -> list[dict[str, Any]]:
    """Communities in the reader's scope, within a place if one is given: place, name, street, grids, draft.

    Raises:
        InputError: not a place key.
        NotFound: no community lies there.
    """
    place = incoming.place(place)
    with database.begin(reader) as connection:
        found = [dict(row) for row in store.list_communities(connection)]
    return _within(place, found)


def _within(place: str, communities: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The communities within a place; all where it is empty."""
    inside = [row for row in communities if row["place"].startswith(place)]
    if place and not inside:
        raise _unknown(place)
    return inside


def _unknown(place: str) -> NotFound:
    return NotFound(
        f"编码 {place} 以内没有社区或网格。",
        remedy="请核对编码，或用 ./onemap grids list 查看已有的社区。",
        details={"field": "place"},
    )


def grids_on(database: Database, reader: Reader, place: str, day: date | None = None) -> dict[str, Any]:
    """The grids within a place (all where it is empty) that hold on a day, as GeoJSON with exact edges.

    Today when no day is given.

    For a day on or after the date of a scheduled version, the grids of that version.

    Returns:
        FeatureCollection; properties code, name, version, valid_from, valid_to, responsible.
    """
    day = incoming.day(day or clock.today(), "on")
    place = incoming.place(place)
    with database.begin(reader) as connection:
        rows = grids_in(connection, place, day)
        known = not place or rows or scopes.names_of(connection, [place])
        if not known:
            raise _unknown(place)
    return {"type": "FeatureCollection", "features": [_feature(row) for row in rows]}


def grids_in(connection: Connection, place: str, day: date) -> list[dict[str, Any]]:
    """Rows of the grids within a place that hold on a day, scheduled versions taken into account, by code."""
    rows = store.grids_on(connection, place, day)
    for plan in store.scheduled(connection, due=day):
        community = plan["place"]
        if not (community.startswith(place) or place.startswith(community)):
            continue
        rows = [row for row in rows if row["community"] != community]
        rows.extend(row for row in _planned_rows(plan) if row["place"].startswith(place))
    return sorted(rows, key=lambda row: str(row["place"]))


def _planned_rows(plan: RowMapping) -> list[dict[str, Any]]:
    """The grids of a scheduled version as rows like those in force."""
    fabric, details = read_plan(plan["planned"])
    return [
        {
            "place": code,
            "version": plan["version"],
            "community": plan["place"],
            "valid_from": plan["valid_from"],
            "valid_to": None,
            "shape": shape,
            **details[code],
        }
        for code, shape in fabric.grids.items()
    ]


def read_plan(planned: Mapping[str, Any]) -> tuple[Fabric, dict[str, dict[str, Any]]]:
    """Fabric, and name and responsible persons by code, of a scheduled version."""
    return fabric_from_json(planned["fabric"]), planned["details"]


def _feature(row: Mapping[str, Any]) -> dict[str, Any]:
    properties = {
        "code": row["place"],
        "name": row["name"],
        "version": row["version"],
        "valid_from": row["valid_from"].isoformat(),
        "valid_to": row["valid_to"].isoformat() if row["valid_to"] else None,
        "responsible": row["responsible"],
    }
    return {
        "type": "Feature",
        "id": row["place"],
        "properties": properties,
        "geometry": geojson(row["shape"]),
    }


def geojson(shape: Polygon | MultiPolygon) -> dict[str, Any]:
    """GeoJSON geometry; coordinates are the stored doubles, rounded to nine decimals where they had more."""

    def exact(value: Any) -> Any:
        return round(value, DECIMALS) if isinstance(value, float) else [exact(v) for v in value]

    drawn = mapping(shape)
    return {"type": drawn["type"], "coordinates": exact(drawn["coordinates"])}


def drawn(
    connection: Connection,
    community: str,
    shapes: Mapping[str, Polygon],
    describe: Mapping[str, Mapping[str, Any]],
) -> dict[str, Any]:
    """Grids with what a map and a table show of them.

    Args:
        connection: of the reader.
        community: 12-digit code.
        shapes: code → polygon.
        describe: further properties of each grid by its code.

    Returns:
        FeatureCollection with exact edges; properties code, number (three digits), label_lon and label_lat (a point
        well inside), the load, and those of ``describe``.
    """
    loads = loads_of(connection, community, shapes)
    features = []
    for code, shape in shapes.items():
        label = shapely.get_coordinates(shapely.maximum_inscribed_circle(shape, tolerance=1e-6))[0]
        properties = {
            "code": code,
            "number": code[-3:],
            "label_lon": round(float(label[0]), 6),
            "label_lat": round(float(label[1]), 6),
            **describe[code],
            **loads[code],
        }
        features.append({"type": "Feature", "id": code, "properties": properties, "geometry": geojson(shape)})
    return {"type": "FeatureCollection", "features": features}


def show(database: Database, reader: Reader, community: str) -> dict[str, Any]:
    """The grids of a community now in force with their load.

    Returns:
        community, name, version, valid_from, scheduled (version, valid_from) or None, draft (whether one is open),
        may_draw, bounds (west, south, east, north), border (GeoJSON) and grids as ``drawn`` gives them.
    """
    with database.begin(reader) as connection:
        name = require_community(connection, reader, community)
        rows = store.grids_in_force(connection, community)
        planned = store.scheduled(connection, community)
        border = store.border_of(connection, community)
        describe = {row["place"]: {"name": row["name"], "changed": False, "new": False} for row in rows}
        return {
            "community": community,
            "name": name,
            "version": store.current_version(connection, community),
            "valid_from": min((row["valid_from"] for row in rows), default=None),
            "scheduled": {"version": planned[0]["version"], "valid_from": planned[0]["valid_from"]}
            if planned
            else None,
            "draft": drafts.find_draft(connection, community) is not None,
            "may_draw": reader.role in (Role.MANAGER, Role.ADMIN),
            "bounds": list(border.bounds),
            "border": geojson(border),
            "grids": drawn(connection, community, {row["place"]: row["shape"] for row in rows}, describe),
        }


def versions(database: Database, reader: Reader, community: str) -> list[dict[str, Any]]:
    """All versions of a community, newest first: version, valid_from, status, note, published_at, published_by."""
    with database.begin(reader) as connection:
        require_community(connection, reader, community)
        return [dict(row) for row in store.versions(connection, community)]


def grids_of_version(database: Database, reader: Reader, community: str, version: int) -> dict[str, Any]:
    """The grids of one version, past, in force or scheduled, as GeoJSON with exact edges.

    Raises:
        NotFound: the community has no such version.
    """
    with database.begin(reader) as connection:
        require_community(connection, reader, community)
        rows = store.grids_of_version(connection, community, version)
        if not rows:
            plans = [plan for plan in store.scheduled(connection, community) if plan["version"] == version]
            rows = [row for plan in plans for row in _planned_rows(plan)]
    if not rows:
        raise NotFound(f"本社区没有第 {version} 版网格。", remedy="请从历次版本中选择。")
    return {"type": "FeatureCollection", "features": [_feature(row) for row in rows]}


def check(database: Database, reader: Reader, place: str = "") -> list[Checked]:
    """Whether the grids in force tile their community, for every community within a place that has grids."""
    results = []
    place = incoming.place(place)
    with database.begin(reader) as connection:
        for row in _within(place, [dict(found) for found in store.list_communities(connection)]):
            if row["grids"] == 0:  # not divided yet: nothing that could be wrong
                continue
            border = store.border_of(connection, row["place"])
            shapes = {grid["place"]: grid["shape"] for grid in store.grids_in_force(connection, row["place"])}
            results.append(Checked(row["place"], row["name"], len(shapes), check_tiling(border, shapes)))
    return results


def loads_of(
    connection: Connection, community: str, shapes: Mapping[str, Polygon]
) -> dict[str, dict[str, float]]:
    """The load of each grid, counts as whole numbers, lengths and areas to a tenth."""
    found = store.loads(connection, community, shapes)
    return {
        code: {
            name: round(values[name], 1) if name.endswith(("_m", "_m2")) else int(values[name])
            for name in LOADS
        }
        for code, values in found.items()
    }
