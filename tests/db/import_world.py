"""A small place to import into: a community of two grids with a building, its address and its rooms."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import shapely
from sqlalchemy import text

from gisapp.domain.access import SYSTEM, Reader
from gisapp.domain.keys import PlaceKey
from gisapp.services.importing.locating import Fallback
from gisapp.services.importing.order import Order
from gisapp.services.importing.report import Outcome
from gisapp.services.importing.run import import_layer
from gisapp.store.database import Database

KEY = b"a key for tests"
COMMUNITY = "330103001051"
WEST, EAST = f"{COMMUNITY}001", f"{COMMUNITY}002"
LON, LAT, STEP = 120.16, 30.28, 0.004
"""South-western corner of the western grid, and the side of each, degrees."""


def square(lon: float, lat: float, size: float) -> shapely.Polygon:
    """A square whose corners stand on nine decimals."""
    east, north = round(lon + size, 9), round(lat + size, 9)
    return shapely.Polygon([(lon, lat), (east, lat), (east, north), (lon, north)])


GRIDS = {WEST: square(LON, LAT, STEP), EAST: square(round(LON + STEP, 9), LAT, STEP)}
HOUSE = square(120.1611, 30.2811, 0.0004)


def geojson(path: Path, rows: Sequence[tuple[shapely.Geometry | None, Mapping[str, Any]]]) -> Path:
    """Write features; the coordinate system stays unstated, as most files leave it."""
    features = [
        {
            "type": "Feature",
            "properties": dict(values),
            "geometry": None if shape is None else shapely.geometry.mapping(shape),
        }
        for shape, values in rows
    ]
    path.write_text(
        json.dumps({"type": "FeatureCollection", "features": features}, ensure_ascii=False), encoding="utf-8"
    )
    return path


def sheet(path: Path, rows: Sequence[Sequence[Any]], encoding: str = "utf-8-sig") -> Path:
    """Write a CSV file; the first row holds the headings."""
    with path.open("w", encoding=encoding, newline="") as file:
        csv.writer(file).writerows(rows)
    return path


def load(
    database: Database, kind: str, path: Path, crs: str = "CGCS2000", reader: Reader = SYSTEM, **more: Any
) -> Outcome:
    """Import a file."""
    place = more.pop("place", None)
    if place:
        more["fallback"] = Fallback(PlaceKey(place), more.pop("place_name", None))
    return import_layer(database, reader, Order(kind, path, crs, **{"key": KEY, **more}))


def numbers(outcome: Outcome) -> tuple[int, int, int, int]:
    """Added, changed, unchanged, refused."""
    return outcome.added, outcome.changed, outcome.unchanged, outcome.refused


def reasons(outcome: Outcome) -> list[tuple[int, str]]:
    """Row and reason of each refusal."""
    return [(r.row, r.reason) for r in outcome.findings.refusals]


def build(database: Database, folder: Path) -> None:
    """Grids (and with them the community), one building of two units with two rooms each, and its address."""
    grids = geojson(folder / "grids.geojson", [(shape, {"网格编码": code}) for code, shape in GRIDS.items()])
    assert numbers(load(database, "grids", grids)) == (2, 0, 0, 0)
    house = geojson(
        folder / "buildings.geojson", [(HOUSE, {"id": "b1", "名称": "3幢", "小区": "锦绣苑", "层数": 6})]
    )
    assert numbers(load(database, "buildings", house)) == (1, 0, 0, 0)
    rows = [["地址编码", "地址", "经度", "纬度"], ["A1", "长庆街道天水巷12号锦绣苑3幢", 120.1613, 30.2813]]
    assert numbers(load(database, "addresses", sheet(folder / "addresses.csv", rows))) == (1, 0, 0, 0)
    with database.begin(SYSTEM) as connection:
        connection.execute(
            text(
                "INSERT INTO region(place, level, name) VALUES ('330103001', 9, '长庆街道') ON CONFLICT DO NOTHING"
            )
        )
        for unit in (1, 2):
            connection.execute(
                text(
                    "WITH u AS (INSERT INTO building_unit(place, building_id, name, number) "
                    "SELECT place, id, :name, :unit FROM building RETURNING id, place, building_id) "
                    "INSERT INTO room(place, building_id, unit_id, floor, number) "
                    "SELECT place, building_id, id, 5, n FROM u, unnest(ARRAY['501', '502']) n"
                ),
                {"unit": unit, "name": f"{unit}单元"},
            )


def scalar(database: Database, statement: str, **values: Any) -> Any:
    """One value, seen by the system."""
    with database.begin(SYSTEM) as connection:
        return connection.execute(text(statement), values).scalar()


def snapshot(database: Database, table: str) -> list[tuple[Any, ...]]:
    """Version of every row of a table, and the revision that watchers see."""
    with database.begin(SYSTEM) as connection:
        stamp = "updated_at" if table == "person" else "xmin::text"  # people are closed to whole-row reading
        rows = connection.execute(text(f"SELECT id, place, {stamp} FROM {table} ORDER BY id")).all()
        revision = connection.execute(text("SELECT onemap.revision(ARRAY[:t])"), {"t": table}).scalar()
    return [*(tuple(row) for row in rows), (revision,)]
