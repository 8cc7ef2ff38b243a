"""Grids as they are and were: communities, versions, the grids of a day, checks and export."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
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
from gisapp.store.grid_checks import Misplaced, count_fixes, misplaced
from gisapp.store.grid_locks import hold_grids_for_long

LOADS = ("people", "households", "buildings", "components", "open_cases", "street_m", "area_m2")
"""What a grid's load consists of; the names are vocabulary identifiers or columns of the page's table."""


REMEDY_OF_PROBLEM = "请本社区的网格管理员在“网格划分”页撤回此版本，再从现行版本重新划分并发布。"
"""What to do about a scheduled version that cannot take effect."""


_POSITIONS = 100_000
"""Positions that a check looks at."""


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
    """The grids within a place (all where it is empty) that answer for a day, as GeoJSON with exact edges.

    For a day that is past those that were in force at its end; for today, also when no day is given, those in force now;
    for a day on or after that of a scheduled version the grids of that version, unless it is known that it cannot take
    effect.

    Returns:
        FeatureCollection; properties code, name, version, valid_from and valid_to (instants, None where there is none),
        planned_for (the day of a version that is not yet in force, else None), responsible.
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
    """Rows of the grids within a place that answer for a day, by code; see ``grids_on``."""
    today = clock.today()
    rows = store.grids_at(connection, place, clock.day_bounds(day)[1] if day < today else None)
    for plan in store.scheduled(connection, due=day) if day > today else ():
        community = plan["place"]
        if plan["problem"]:
            continue
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
            "valid_from": None,
            "valid_to": None,
            "planned_for": plan["planned_for"],
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
        "valid_from": _instant(row["valid_from"]),
        "valid_to": _instant(row["valid_to"]),
        "planned_for": row["planned_for"].isoformat() if row.get("planned_for") else None,
        "responsible": row["responsible"],
    }
    return {
        "type": "Feature",
        "id": row["place"],
        "properties": properties,
        "geometry": geojson(row["shape"]),
    }


def _instant(at: datetime | None) -> str | None:
    return None if at is None else clock.local(at).isoformat()


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
        community, name, version, valid_from (instant), scheduled (see ``waiting``) or None, draft (whether one is open),
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
            "valid_from": _instant(min((row["valid_from"] for row in rows), default=None)),
            "scheduled": waiting(planned[0]) if planned else None,
            "draft": drafts.find_draft(connection, community) is not None,
            "may_draw": reader.role in (Role.MANAGER, Role.ADMIN),
            "bounds": list(border.bounds),
            "border": geojson(border),
            "grids": drawn(connection, community, {row["place"]: row["shape"] for row in rows}, describe),
        }


def waiting(plan: Mapping[Any, Any]) -> dict[str, Any]:
    """A scheduled version as it is shown: version, planned_for (day), problem (why it could not take effect, else empty),
    problem_since (instant or None) and remedy (what to do about the problem, else empty)."""
    return {
        "version": plan["version"],
        "planned_for": plan["planned_for"],
        "problem": plan["problem"],
        "problem_since": _instant(plan["problem_since"]),
        "remedy": REMEDY_OF_PROBLEM if plan["problem"] else "",
    }


def stuck(database: Database, reader: Reader, place: str = "") -> list[dict[str, Any]]:
    """Scheduled versions within a place that could not take effect: community, name, and as ``waiting`` gives them."""
    with database.begin(reader) as connection:
        plans = [
            plan
            for plan in store.scheduled(connection)
            if plan["problem"] and plan["place"].startswith(place)
        ]
        names = scopes.names_of(connection, [plan["place"] for plan in plans])
    return [
        {"community": plan["place"], "name": names.get(plan["place"], plan["place"]), **waiting(plan)}
        for plan in plans
    ]


def versions(database: Database, reader: Reader, community: str) -> list[dict[str, Any]]:
    """All versions of a community, newest first: version, valid_from (instant, None while scheduled), planned_for (day or
    None), status, problem, problem_since, note, published_at, published_by."""
    with database.begin(reader) as connection:
        require_community(connection, reader, community)
        return [
            {
                **row,
                "valid_from": _instant(row["valid_from"]),
                "problem_since": _instant(row["problem_since"]),
            }
            for row in store.versions(connection, community)
        ]


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


def check_rows(
    database: Database, reader: Reader, place: str = "", *, all_positions: bool = False
) -> list[Misplaced]:
    """Every row within a place whose key is not that of the grid that it should be in, and counts that are not right.

    Args:
        reader: the system: whoever sees less finds less.
        all_positions: look at every position, not at about a hundred thousand of them.
    """
    with database.begin(reader) as connection:
        # Nobody publishes between two of the statements.
        hold_grids_for_long(connection)
        every = 1 if all_positions else max(1, -(-count_fixes(connection, place) // _POSITIONS))
        return misplaced(connection, place, every)


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
